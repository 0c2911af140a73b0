// Reads a sweep directory with DuckDB (npm package @duckdb/node-api) and prints what it
// has made of table.parquet as JSON: the type of each column and its values. Numbers are
// printed with as many digits as tell them from all others. A last entry, named "csv",
// has as its values the numbers of rows that only one of table.parquet and table.csv has.
import fs from 'node:fs'
import { createRequire } from 'node:module'

const [directory, modules] = process.argv.slice(2)
const { DuckDBInstance } = createRequire(modules + '/')('@duckdb/node-api')
const db = await (await DuckDBInstance.create(':memory:')).connect()
const file = directory + '/table.parquet'
const result = await db.runAndReadAll(`SELECT * FROM '${file}'`)
const names = result.columnNames()
const types = result.columnTypes()
const columns = result.getColumns()
const out = names.map((name, i) => ({
  name, type: String(types[i]), values: columns[i].map((x) => (x === null ? '' : String(x))),
}))

const sql = { integer: 'BIGINT', number: 'DOUBLE', text: 'VARCHAR' }
const manifest = JSON.parse(fs.readFileSync(directory + '/manifest.json', 'utf8'))
const kinds = manifest.columns.map((c) => `'${c.name}': '${sql[c.type]}'`).join(', ')
const csv = `SELECT * FROM read_csv('${directory}/table.csv', header = true, columns = {${kinds}})`
const parquet = `SELECT * FROM '${file}'`
const only = async (a, b) => String((await db.runAndReadAll(`SELECT count(*) FROM (${a} EXCEPT ALL ${b})`)).getColumns()[0][0])
out.push({ name: 'csv', type: '', values: [await only(parquet, csv), await only(csv, parquet)] })
console.log(JSON.stringify(out))
