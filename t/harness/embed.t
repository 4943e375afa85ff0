#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# What src/scripts/embed.awk makes of Lua scripts.

use strict;
use warnings;

use File::Temp qw(tempdir);
use Test::More;

my $dir = tempdir(CLEANUP => 1);
my $embed = 'src/scripts/embed.awk';


sub write_file {
    my ($name, $text) = @_;

    open my $fh, '>', "$dir/$name" or die "$dir/$name: $!";
    print $fh $text;
    close $fh;
}


# links scripts; what is written, and the status

sub embed {
    my ($options, %files) = @_;

    mkdir "$dir/parts";
    write_file($_, $files{$_}) for keys %files;

    my @scripts = map { "'$dir/$_'" } grep { !m{/} } sort keys %files;
    my $out = `awk $options -v parts='$dir/parts' -f $embed @scripts 2>&1`;

    return ($out, $? >> 8);
}


# the lines that are left of a script

sub linked {
    my ($script, %parts) = @_;
    my ($out, $status) = embed('-v lua=1', 's.lua' => $script, %parts);

    return "status $status: $out" if $status;
    return join "\n", grep { /\S/ } split /\n/, $out;
}


is(linked("local A, B_2 = 1, 20\nreturn { A, x.B_2, A_, AB, t[B_2] - A }\n"),
   'return { 1, x.20, A_, AB, t[20] - 1 }',
   'constants become their values, whole names only');

is(linked(qq{local A = 1\nlocal B = A\nreturn A .. 'A' .. "A" -- A\n}),
   qq{return 1 .. 'A' .. "A"},
   'not in strings; no comments');

is(linked("local A = 1\nlocal B = KEYS[A]\nlocal c = 2\nreturn B, c\n"),
   "local B = KEYS[1]\nlocal c = 2\nreturn B, c",
   'what is no constant stays');

is(linked("local A = 1\nlocal x = A\nlocal A = 2\nreturn x + A\n"),
   "local x = 1\nreturn x + 2", 'the one declared last');

my $functions = <<'END';
local function used()
    return 1
end

local function only_by_unused()
    return 2
end

local function unused()
    if only_by_unused() then
        return only_by_unused()
    end
end

local function recursive()
    return recursive()
end

local KEY = BASE .. 'key'
local CALLED = call('TIME')
END

is(linked("-- include part\nreturn used()\n", 'parts/part.lua' => $functions),
   "local function used()\n    return 1\nend\n"
   . "local CALLED = call('TIME')\nreturn used()",
   'functions and names that nothing uses are left out, calls are not');

is(linked("local function outer()\n    -- include part\n    f()\nend\n"
          . "outer()\n",
          'parts/part.lua' => "local function f()\n    g()\nend\n"),
   "local function outer()\n    local function f()\n        g()\n    end\n"
   . "    f()\nend\nouter()",
   'a part within a function has its indent');

is(linked("local function none() end\nlocal function f()\n    none()\nend\n"
          . "f()\n"),
   "local function none() end\nlocal function f()\n    none()\nend\nf()",
   'a function in one line ends there');

is(linked("-- include one\nreturn X\n",
          'parts/one.lua' => "-- include two\n",
          'parts/two.lua' => "local X = 7\n"),
   'return 7', 'a part includes another');

my ($out) = embed('-v lua=1', 's.lua' => "local A = 1\n\nboom()\n");

is((split /\n/, $out)[2], 'boom()', 'lines keep their numbers');

($out) = embed('', 'a.lua' => qq{local A = 1\nreturn "\\n" .. A\n},
               's.lua' => "return 2\n");

is($out, <<'OUT', 'as C strings, each script on its own');
/* made of src/scripts by embed.awk */


static char  ngx_http_tgortc_lua_a[] =
    "\n"
    "return \"\\n\" .. 1\n";


static char  ngx_http_tgortc_lua_s[] =
    "return 2\n";
OUT

for (['-- include nothing', qr/cannot read .*nothing\.lua/],
     ['local A, B = 1', qr/as many names as values/])
{
    my ($line, $message) = @$_;
    my ($out, $status) = embed('-v lua=1', 's.lua' => "$line\n");

    isnt($status, 0, "$line: fails");
    like($out, $message, "$line: says why");
}

done_testing();
