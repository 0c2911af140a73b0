package scenarios

import "reflect"

// SetKeys returns the keys that --set may name, dotted, in the order of the
// schema. In arrays of tables an element is meant by its name: those of sc are
// given; a nil sc has none. The keys of [topology] and [[traffic]] are left out.
func SetKeys(sc *Scenario) []string {
	if sc == nil {
		sc = new(Scenario)
	}
	return setKeys(reflect.ValueOf(sc).Elem(), "", nil)
}

// setKeys appends the keys of a table, whose own name is the prefix.
func setKeys(v reflect.Value, prefix string, out []string) []string {
	for _, f := range fieldsOf(v.Type()) {
		x := v.FieldByIndex(f.index)
		switch {
		case f.key == "expect" || prefix == "" && (f.key == "schema" || f.key == "baseline"):
		case f.isTableList:
			for i := range x.Len() {
				element := x.Index(i).Elem()
				if name := element.FieldByName("Name"); name.IsValid() && name.Kind() == reflect.String && name.String() != "" {
					out = setKeys(element, prefix+f.key+"."+name.String()+".", out)
				}
			}
		case f.isTable:
			if x.Kind() == reflect.Pointer {
				if x.IsNil() {
					x = reflect.New(x.Type().Elem())
				}
				x = x.Elem()
			}
			out = setKeys(x, prefix+f.key+".", out)
		default:
			out = append(out, prefix+f.key)
		}
	}
	return out
}
