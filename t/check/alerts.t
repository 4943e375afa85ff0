#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# What Prometheus is asked, read by its own promtool: conf/alerts.yml, whose
# alerts fire when they should and not before, and the expressions of
# conf/grafana.json.

use strict;
use warnings;

use FindBin;
use JSON::PP;
use Test::More;
use TgoRTC::Live;


my $conf = "$FindBin::Bin/../../conf";
my $tests = "$FindBin::Bin/alerts.yml";


sub promtool {
    my ($arguments, $name) = @_;

    my $said = qx(promtool $arguments 2>&1);

    return is($?, 0, $name) || (diag($said), 0)[1];
}


# --- alerts

promtool("check rules '$conf/alerts.yml'", 'the alerts are rules');
promtool("test rules '$tests'", 'they fire when they should, and not before');

my %tested = map { ($_ => 1) }
             slurp($tests) =~ /alertname: (\w+)\n +exp_alerts:/g;

for my $alert (slurp("$conf/alerts.yml") =~ /alert: (\w+)/g) {
    ok($tested{$alert}, "$alert is among them");
}


# --- the dashboard, as rules that record

my $json = JSON::PP->new->utf8->canonical;
my $board = $json->decode(slurp("$conf/grafana.json"));
my @rules = map { { record => 'panel', expr => $_->{expr} } }
            map { @{$_->{targets} || []} } @{$board->{panels}};

cmp_ok(scalar @rules, '>', 20, 'the dashboard has expressions');
$_->{expr} =~ s/\$__rate_interval\b/5m/g for @rules;

# JSON is YAML; of rules that are the same promtool only says so

my $file = TgoRTC::Live::name('panels') . '.yml';

open my $fh, '>', $file or die "$file: $!";
print $fh $json->encode({ groups => [{ name => 'a', rules => \@rules }] });
close $fh or die "$file: $!";

promtool("check rules --lint=none '$file'", 'they are expressions of PromQL');

done_testing();
