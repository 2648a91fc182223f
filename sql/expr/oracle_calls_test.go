package expr

var functionCalls = []functionCall{
	{"abs", []argument{{typ: "int4"}}},
}
