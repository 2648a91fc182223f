package expr

// texts are values of json, which keep how they were written.
var texts = of("json", " null", "1", "\"a\"", "{\"a\": 1, \"b\": [1,  2, {\"c\": null}], \"a\" : \"x\\n\" }", "[1, \"a\" , null, {\"a\" :1}]", "{}", " [ ]", "[[1],\n[2]]", "{\"a\": 1e999, \"b\": {\"0\": \"\\u00e9\"}}", "{\"a\": \"\\u0000\"}", "{\"a\": \"\\ud800\"}")

// jsonTextCalls are the functions of json.
var jsonTextCalls = []functionCall{
	call("->", texts, of("text", "a", "b", "zz", "0")), call("->", texts, of("int4", "0", "-1", "9")), call("->>", texts, of("text", "a", "b")), call("->>", texts, of("int4", "0", "1", "2", "-1")),
	call("->", texts, of("unknown", "a")), call("#>", texts, paths), call("#>>", texts, paths),
	call("json_typeof", texts), call("json_array_length", texts), call("json_strip_nulls", texts),
	call("json_extract_path", texts, of("text", "b"), of("text", "2", "-1")), call("json_extract_path_text", texts, of("text", "a")),
	call("to_json", all("int4")), call("to_json", all("float8")), call("to_json", all("float4")), call("to_json", all("text")), call("to_json", all("date")), call("to_json", all("timestamp")), call("to_json", all("timestamptz")), call("to_json", all("int4[]")), call("to_json", all("text[]")), call("to_json", all("bool")), call("to_json", all("numeric")), call("to_json", all("interval")), call("to_json", all("bytea")), call("to_json", all("bpchar")), call("to_json", all("jsonb")), call("to_json", all("json")), call("to_jsonb", all("json")), call("to_jsonb", texts),
	call("array_to_json", all("int4[]")), call("array_to_json", all("int4[]"), of("bool", "t")), call("array_to_json", all("text[]"), of("bool", "f")),
	call("json_build_array"), call("json_build_array", all("int4"), all("text")), call("json_build_object", of("text", "k", "NULL"), all("json")), call("json_build_object", of("unknown", "k"), of("unknown", "v"), of("int4", "1")), call("json_build_object"),
	call("json_build_object", all("bool"), all("jsonb")), call("json_build_object", all("date"), all("date")), call("json_build_object", all("json"), all("date")), call("jsonb_build_object", all("bool"), of("json", "[ ]", "\"\\u0000\"")), call("jsonb_build_object", all("timestamptz"), of("int4", "1")), call("jsonb_build_array", texts),
	call("json_typeof", objects), call("jsonb_typeof", texts), call("array_position", of("json[]", "{1}"), of("json", "1")), call("greatest", of("json", "1"), of("json", "2")),
}
