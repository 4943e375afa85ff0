# Writes Lua scripts as C strings, each with the prelude before it:
# awk -f embed.awk prelude.lua create.lua … > ngx_http_tgortc_lua.h

function name(file) {
    sub(/.*\//, "", file)
    sub(/\.lua$/, "", file)
    return file
}

function literal(line) {
    gsub(/\\/, "\\\\", line)
    gsub(/"/, "\\\"", line)
    return "    \"" line "\\n\"\n"
}

BEGIN {
    print "/* made of src/scripts by embed.awk */"
}

FILENAME == ARGV[1] {
    prelude = prelude literal($0)
    next
}

FNR == 1 {
    printf "%s\n\nstatic char  ngx_http_tgortc_lua_%s[] =\n%s", \
        (open ? ";\n" : ""), name(FILENAME), prelude
    open = 1
}

{
    printf "%s", literal($0)
}

END {
    print ";"
}
