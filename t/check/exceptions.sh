# shellcheck shell=bash disable=SC2034
#
# Copyright (C) TgoRTC contributors
#
# What static checks say and is not so, or is meant.  Each with its reason.

CPPCHECK_EXCEPTIONS=(
    # nginx's headers are not read: macros of theirs are unknown
    --suppress=unknownMacro
    --suppress=preprocessorErrorDirective
)

SHELLCHECK_EXCEPTIONS=(
    # lists of options are split on purpose
    --exclude=SC2086
    --exclude=SC2046
    # set by name, in a function
    --exclude=SC2154
    # counts rounds
    --exclude=SC2034
)

LUACHECK_EXCEPTIONS=(
    # embed.awk leaves out what is not used line by line; a line that declares
    # several names stays for one of them
    211
    # parts are one file after linking: an argument may be called as a local of
    # another part
    431 432 421 423
    # a hook that another part sets, in the scripts that have it
    221
)

TIDY_EXCEPTIONS=

tidy_except() {
    TIDY_EXCEPTIONS=$TIDY_EXCEPTIONS${TIDY_EXCEPTIONS:+,}-$1
}

# nginx's names begin with "_NGX" in include guards
tidy_except bugprone-reserved-identifier
# data and length, min and max stand side by side everywhere
tidy_except bugprone-easily-swappable-parameters
# char from an int that is known to fit
tidy_except bugprone-narrowing-conversions
# a text in two lines among others in one
tidy_except bugprone-suspicious-missing-comma
# "v1," is continued, not ended
tidy_except bugprone-not-null-terminated-result
# constants that are far from the end of an int
tidy_except bugprone-implicit-widening-of-multiplication-result
# memcpy_s() and its kind are in no C library that is used
tidy_except clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling

TIDY_NGINX_EXCEPTIONS=

tidy_nginx_except() {
    TIDY_NGINX_EXCEPTIONS=$TIDY_NGINX_EXCEPTIONS${TIDY_NGINX_EXCEPTIONS:+,}-$1
}

# what is in a queue that was emptied is freed, which it cannot see
tidy_nginx_except clang-analyzer-unix.Malloc
tidy_nginx_except clang-analyzer-core.NullDereference
# nginx copies nothing from NULL
tidy_nginx_except clang-analyzer-core.NonNullParamChecker
# branches that differ in what ngx_str_set() is given
tidy_nginx_except bugprone-branch-clone
# whole seconds are meant
tidy_nginx_except bugprone-integer-division
# nginx's structs and macros are as they are
tidy_nginx_except clang-analyzer-optin.performance.Padding
tidy_nginx_except bugprone-macro-parentheses
tidy_nginx_except bugprone-sizeof-expression
tidy_nginx_except bugprone-assignment-in-if-condition
