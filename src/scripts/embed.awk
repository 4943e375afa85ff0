# Copyright (C) TgoRTC contributors
#
# Links Lua scripts and writes them as C strings:
#
#     awk -v parts=DIR -f embed.awk create.lua … > ngx_http_tgortc_lua.h
#
# A line "-- include NAME" stands for parts/NAME.lua.  A script is run from its
# first line at every call, and Lua 5.1 makes each function anew and looks up
# each name that it takes from around it, which is half of the time of a simple
# script.  So what is written has
#
#     the values of constants in the place of their names: of what is declared
#     in one line like "local STATUS, MAX = 2, 5", the names in capitals
#
#     only those functions ("local function" to "end", at the left margin) and
#     names ("local NAME = …", no call in it) that the script uses
#
# Lines remain lines, so that an error of Lua names one of the linked script,
# which "awk -v lua=1 …" prints.


function fail(message) {
    print message > "/dev/stderr"
    failed = 1
    exit 1
}


function name(file) {
    sub(/.*\//, "", file)
    sub(/\.lua$/, "", file)
    return file
}


function read(file, indent,    text, got) {
    while ((got = (getline text < file)) > 0) {

        if (match(text, /^ *-- include /)) {
            read(parts "/" substr(text, RLENGTH + 1) ".lua",
                 indent substr(text, 1, RLENGTH - length("-- include ")))
        } else {
            line[++lines] = indent text
        }
    }

    if (got < 0) {
        fail("cannot read " file)
    }

    close(file)
}


# Cuts the first token off "rest", which is global; a comment is none.

function token(    t) {
    if (match(rest, /^[A-Za-z_][A-Za-z_0-9]*/) || match(rest, /^'[^']*'/) \
        || match(rest, /^"[^"]*"/) || match(rest, /^[0-9][0-9A-Za-z.]*/))
    {
        t = substr(rest, 1, RLENGTH)
        rest = substr(rest, RLENGTH + 1)
        return t
    }

    if (substr(rest, 1, 2) == "--") {
        rest = ""
        return ""
    }

    t = substr(rest, 1, 1)
    rest = substr(rest, 2)

    return t
}


function is_constant(text) {
    return text ~ /^local [A-Z][A-Z_0-9, ]* = [0-9][0-9, ]*$/
}


function fold(    i, k, n, m, t, text, names, values) {
    for (k in value) {
        delete value[k]
    }

    for (i = 1; i <= lines; i++) {

        if (is_constant(line[i])) {
            text = substr(line[i], length("local ") + 1)
            k = index(text, " = ")
            n = split(substr(text, 1, k - 1), names, ", ")
            m = split(substr(text, k + 3), values, ", ")

            if (n != m) {
                fail(line[i] ": as many names as values, please")
            }

            for (k = 1; k <= n; k++) {
                value[names[k]] = values[k]
            }

            line[i] = ""
            continue
        }

        text = ""
        rest = line[i]

        while (rest != "") {
            t = token()
            text = text ((t in value) ? value[t] : t)
        }

        sub(/ +$/, "", text)
        line[i] = text
    }
}


# Counts the names that the lines from "first" to "last" use.

function count(first, last, by,    i, t) {
    for (i = first; i <= last; i++) {
        rest = line[i]

        while (rest != "") {
            t = token()

            if (t ~ /^[A-Za-z_]/) {
                used[t] += by
            }
        }
    }
}


# The last line of a declaration that may be left out, 0 if line i is none; the
# name of what it declares is in "declared".

function declaration(i,    text) {
    if (line[i] ~ /^local function /) {
        text = substr(line[i], length("local function ") + 1)
        declared = substr(text, 1, index(text, "(") - 1)

        while (i < lines && line[i] !~ /^end$|^local function .* end$/) {
            i++
        }

        return i
    }

    if (line[i] ~ /^local [A-Za-z_0-9]+ = [^(]+$/) {
        text = substr(line[i], length("local ") + 1)
        declared = substr(text, 1, index(text, " ") - 1)

        return i
    }

    return 0
}


function shake(    i, k, last, found) {
    for (k in used) {
        delete used[k]
    }

    count(1, lines, 1)

    do {
        found = 0

        for (i = 1; i <= lines; i++) {
            last = declaration(i)

            if (!last) {
                continue
            }

            count(i, last, -1)

            if (used[declared] > 0) {
                count(i, last, 1)
                i = last
                continue
            }

            found = 1

            for (k = i; k <= last; k++) {
                line[k] = ""
            }
        }

    } while (found)
}


function write(file,    i, text) {
    if (!lua) {
        printf "\n\nstatic char  ngx_http_tgortc_lua_%s[] =\n", name(file)
    }

    for (i = 1; i <= lines; i++) {
        text = line[i]

        if (lua) {
            print text
            continue
        }

        gsub(/\\/, "&&", text)
        gsub(/"/, "\\\"", text)
        printf "    \"%s\\n\"%s\n", text, (i == lines ? ";" : "")
    }
}


BEGIN {
    if (!lua) {
        print "/* made of src/scripts by embed.awk */"
    }

    for (arg = 1; arg < ARGC; arg++) {
        lines = 0

        read(ARGV[arg], "")
        fold()
        shake()
        write(ARGV[arg])
    }

    exit failed
}
