package scenarios

// pathModes are the three modes of Paasch et al., "Exploring Mobile/WiFi Handover
// with Multipath TCP" (CellNet'12; RFC 8041 section 2.2), as path managers with
// their parameters.
var pathModes = map[string]PluginRef{
	"full":       {Name: "fullmesh"},
	"backup":     {Name: "fullmesh", Params: []PluginParam{{Name: "backup", Value: 1}}},
	"singlepath": {Name: "singlepath"},
}

// mode replaces the key mode, where it is given, by the path manager that it
// means. What is written out again names that alone.
func (c *checker) mode(mode *string, ref *PluginRef, at Pos) {
	if *mode == "" {
		return
	}
	m, ok := pathModes[*mode]
	if !ok {
		return // not one of its values: reported already
	}
	if ref.Name != "" || ref.pos != (Pos{}) {
		c.add(at, "mode and path_manager exclude each other: mode = %q is path_manager = %s", *mode, describeRef(m))
	}
	*mode = ""
	*ref = m
	ref.pos = at
}

func describeRef(p PluginRef) string {
	text, _ := encodePlugin(p)
	return text
}
