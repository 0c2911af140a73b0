package scenarios
import ("io/fs";"embed")
//go:embed *.go
var libraryFiles embed.FS
func Library() fs.FS { return libraryFiles }
