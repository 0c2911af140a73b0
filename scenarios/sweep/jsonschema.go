package sweep

import (
	"encoding/json"
	"strings"
)

// The JSON Schema of sweep files, for editors that complete and check them and for
// programs that write them.
//
// It says less than the loader: whether a factor is a key of the scenario and its values
// fit, expressions of metrics, expectations and constraints, lists of one length, units
// and order of the ends of a range, and what one part of the file demands of another.

// object is an object of a JSON Schema; encoding/json sorts its keys.
type object = map[string]any

// JSONSchema returns the schema of sweep files for draft 2020-12.
func JSONSchema() ([]byte, error) {
	properties := object{
		"schema":                described(object{"const": 1}, "version of the format"),
		"name":                  described(pattern(nameForm.String()), "name of the result directory"),
		"title":                 described(object{"type": "string"}, "one line for people"),
		"rows":                  described(object{"type": "array", "items": object{"type": "string"}}, "rows of the coverage table that the sweep shows"),
		"scenario":              described(object{"type": "string"}, "the base: a file relative to this one, or a scenario of the library"),
		"seed":                  described(integers(0, maxSeed), "of the first replication; default 1"),
		"replications":          described(replicationsSchema(), "of each point: a number, or a rule for stopping; default 1"),
		"common_random_numbers": described(object{"type": "boolean", "default": true}, "replication r has the same seed at all points"),
		"constraint":            described(listOrOne(object{"type": "string"}), "comparisons over factors that every point satisfies"),
		"design":                described(designSchema(), "how values of factors with a range are chosen"),
		"set":                   described(object{"$ref": "#/$defs/settings"}, "overrides at all points: dotted keys of the scenario"),
		"factors":               described(object{"$ref": "#/$defs/factors"}, "dotted keys of the scenario with their values"),
		"zip":                   described(object{"type": "array", "items": object{"$ref": "#/$defs/zip"}}, "factors whose lists are gone through together"),
		"point":                 described(object{"type": "array", "items": pointSchema()}, "named points with settings of their own"),
		"metrics":               described(measuresSchema(append(append([]string{}, columnsBefore...), columnsBehind...)), "columns of the table: values of the language of expectations"),
		"expect":                described(measuresSchema(nil), "comparisons that every run satisfies"),
	}
	return json.MarshalIndent(object{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "mpsim sweep",
		"type": "object", "properties": properties, "additionalProperties": false,
		"required": []string{"schema", "name", "scenario", "metrics"},
		"$defs": object{
			"values":   described(object{"type": "array", "minItems": 1}, "the values of a factor: quantities, names, or plug-ins with parameters"),
			"settings": object{"type": "object"},
			"zip":      nested(object{"$ref": "#/$defs/values"}, "zip", nil),
			"factors":  factorsSchema(),
			"range": object{"type": "array", "minItems": 2, "maxItems": 2,
				"items": object{"anyOf": []object{{"type": "number"}, pattern(`^\s*[-+]?` + decimals + `\s*[A-Za-z/%]*\s*$`)}}},
			"share": described(object{"anyOf": []object{{"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, pattern(`^\s*` + decimals + `\s*%?\s*$`)}}, `a number between 0 and 1, or "5%"`),
		},
	}, "", " ")
}

// decimals is the pattern of a number without a sign.
const decimals = `([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?`

func described(o object, text string) object {
	o["description"] = text
	return o
}

func pattern(p string) object { return object{"type": "string", "pattern": p} }

func integers(least, most int64) object {
	return object{"type": "integer", "minimum": least, "maximum": most}
}

func listOrOne(o object) object {
	return object{"anyOf": []object{o, {"type": "array", "items": o}}}
}

// tableOf is an object with no other keys.
func tableOf(properties object, required ...string) object {
	o := object{"type": "object", "properties": properties, "additionalProperties": false}
	if required != nil {
		o["required"] = required
	}
	return o
}

func replicationsSchema() object {
	rule := tableOf(object{
		"until": object{"$ref": "#/$defs/share"}, "metric": object{"type": "string"},
		"min": integers(2, maxReplications), "max": integers(2, maxReplications), "confidence": object{"$ref": "#/$defs/share"},
	}, "until", "metric")
	return object{"anyOf": []object{integers(1, maxReplications), rule}}
}

func designSchema() object {
	var names, docs []string
	for _, k := range Samplings() {
		names, docs = append(names, k.Name), append(docs, k.Name+": "+k.Doc)
	}
	return tableOf(object{
		"kind":   described(object{"enum": names, "default": "wsp"}, strings.Join(docs, "; ")),
		"points": integers(1, maxPoints), "candidates": integers(1, 100_000), "seed": integers(0, maxSeed),
	}, "points")
}

func pointSchema() object {
	return tableOf(object{"name": pattern("."), "set": object{"$ref": "#/$defs/settings"}}, "name")
}

// measuresSchema is a table of expressions, none of which has one of the given names.
func measuresSchema(taken []string) object {
	names := object{"pattern": nameForm.String()}
	if taken != nil {
		names["not"] = object{"enum": taken}
	}
	return object{"type": "object", "minProperties": 1, "propertyNames": names, "additionalProperties": object{"type": "string"}}
}

// nested is a table whose values are leaves, or tables of such with the next part of the
// dotted key. A table with one of the words is a leaf.
func nested(leaf object, self string, words []string) object {
	inner := object{"if": object{"type": "object"}, "then": object{"$ref": "#/$defs/" + self}, "else": leaf}
	if words != nil {
		var any []object
		for _, w := range words {
			any = append(any, object{"required": []string{w}})
		}
		inner["if"] = object{"type": "object", "not": object{"anyOf": any}}
	}
	return object{"type": "object", "minProperties": 1, "additionalProperties": inner}
}

// factorsSchema is [factors]: lists, and tables that say more.
func factorsSchema() object {
	long := tableOf(object{
		"values": object{"$ref": "#/$defs/values"}, "uniform": object{"$ref": "#/$defs/range"}, "log_uniform": object{"$ref": "#/$defs/range"},
		"keys":    described(object{"type": "array", "items": object{"type": "string"}}, "the scenario keys that the factor sets; default its name"),
		"integer": described(object{"type": "boolean"}, "round values of a range to integers"),
	})
	long["oneOf"] = []object{{"required": []string{"values"}}, {"required": []string{"uniform"}}, {"required": []string{"log_uniform"}}}
	leaf := object{"if": object{"type": "array"}, "then": object{"$ref": "#/$defs/values"}, "else": long}
	return nested(leaf, "factors", factorKeys)
}
