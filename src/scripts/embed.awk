# Writes Lua scripts as C strings, each part in the place of the line that
# names it ("-- include store" stands for parts/store.lua):
# awk -v parts=DIR -f embed.awk create.lua … > ngx_http_tgortc_lua.h

function name(file) {
    sub(/.*\//, "", file)
    sub(/\.lua$/, "", file)
    return file
}

function literal(line) {
    gsub(/\\/, "\\\\", line)
    gsub(/"/, "\\\"", line)
    printf "    \"%s\\n\"\n", line
}

function include(part,    file, line, got) {
    file = parts "/" part ".lua"

    while ((got = (getline line < file)) > 0) {
        literal(line)
    }

    if (got < 0) {
        print "cannot read " file > "/dev/stderr"
        exit failed = 1
    }

    close(file)
}

BEGIN {
    print "/* made of src/scripts by embed.awk */"
}

FNR == 1 {
    printf "%s\n\nstatic char  ngx_http_tgortc_lua_%s[] =\n", \
        (open ? ";\n" : ""), name(FILENAME)
    open = 1
}

/^-- include / {
    include($3)
    next
}

{
    literal($0)
}

END {
    if (!failed) {
        print ";"
    }
}
