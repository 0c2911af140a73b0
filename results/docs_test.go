package results

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

// The page on outputs names every field, file and kind of record.
func TestOutputPageIsComplete(t *testing.T) {
	b, err := os.ReadFile("../docs/OUTPUT.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	missing := func(word string) {
		if !strings.Contains(page, "`"+word+"`") && !strings.Contains(page, "`"+word+"[]`") {
			t.Errorf("docs/OUTPUT.md does not mention %s", word)
		}
	}
	seen := map[reflect.Type]bool{}
	var fields func(reflect.Type)
	fields = func(ty reflect.Type) {
		for ty.Kind() == reflect.Pointer || ty.Kind() == reflect.Slice || ty.Kind() == reflect.Map {
			ty = ty.Elem()
		}
		if ty.Kind() != reflect.Struct || seen[ty] {
			return
		}
		seen[ty] = true
		for i := range ty.NumField() {
			f := ty.Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			missing(name)
			fields(f.Type)
		}
	}
	fields(reflect.TypeFor[Summary]())
	fields(reflect.TypeFor[Manifest]())
	for _, name := range []string{SummaryName, SeriesName, EventsName, QlogName, CaptureName, ResolvedName, ManifestName} {
		missing(name)
	}
	for _, kind := range KindNames() {
		missing(kind)
		for _, f := range KindFields(kind) {
			missing(f)
		}
	}
}
