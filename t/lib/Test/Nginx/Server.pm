# Copyright (C) TgoRTC contributors

package Test::Nginx::Server;

# One nginx under test: its directory, its process, and what can be said
# against it once it has stopped.
#
# nginx stays in the foreground as our child.  So it is known exactly when and
# how it ended, reports that are written at exit (leaks) are complete, and
# nothing is left behind when the test is interrupted.

use strict;
use warnings;

use File::Basename qw(dirname);
use File::Glob qw(:bsd_glob);
use File::Path qw(make_path remove_tree);
use File::Spec;
use POSIX qw(:sys_wait_h);
use Time::HiRes qw(sleep time);

# An exit code that neither nginx nor a sanitizer uses.
use constant VALGRIND_EXIT_CODE => 99;

use constant POLL_INTERVAL => 0.003;


# new(binary =>, root =>, env => { for nginx only }, valgrind =>)
sub new {
    my ($class, %arg) = @_;

    $arg{root} = File::Spec->rel2abs($arg{root});

    # An emulated process takes its time.
    $arg{patience} = $arg{valgrind} ? 60 : 10;

    return bless \%arg, $class;
}


sub root { $_[0]{root} }

sub html_dir { "$_[0]{root}/html" }

sub pid { $_[0]{pid} }

sub running { defined $_[0]{pid} && !defined $_[0]{exit_status} }


# A fresh directory, with nothing in it of the block before.
sub prepare {
    my ($self) = @_;

    my $root = $self->{root};

    $self->kill_stale;

    die "$root holds files that no test has put there, remove it first\n"
        if !-e "$root/conf/nginx.conf" && glob "$root/*";

    remove_tree($root, { keep_root => 1 });
    make_path(map { "$root/$_" } qw(conf html logs));

    write_file("$root/html/index.html",
               '<html><head><title>It works!</title></head>'
               . '<body>It works!</body></html>');
}


# A run that was killed hard has left its nginx on our port.
sub kill_stale {
    my ($self) = @_;

    my ($pid) = read_file("$self->{root}/logs/nginx.pid") =~ /\A(\d+)\s*\z/
        or return;

    my $command = read_file("/proc/$pid/cmdline");

    if (index($command, "-p\0$self->{root}/\0") >= 0) {
        kill 'KILL', -$pid;
        sleep POLL_INTERVAL while kill 0, $pid;
    }
}


sub command {
    my ($self) = @_;

    my $root = $self->{root};

    my @nginx = ($self->{binary}, '-e', "$root/logs/error.log", '-p', "$root/",
                 '-c', "$root/conf/nginx.conf");

    return @nginx if !$self->{valgrind};

    my @options = $self->{valgrind} eq '1'
                  ? qw(--tool=memcheck --leak-check=full
                       --show-leak-kinds=definite
                       --errors-for-leak-kinds=definite
                       --num-callers=30 --keep-debuginfo=yes)
                  : split ' ', $self->{valgrind};

    push @options, '--error-exitcode=' . VALGRIND_EXIT_CODE,
                   "--log-file=$root/logs/valgrind.%p";

    push @options, map { "--suppressions=$_" }
                   grep { -f } qw(valgrind.suppress t/valgrind.suppress);

    return 'valgrind', @options, @nginx;
}


# start($conf) returns true when nginx runs and listens.  Otherwise it has
# ended, and exit_status says how.
sub start {
    my ($self, $conf) = @_;

    my $root = $self->{root};

    write_file("$root/conf/nginx.conf", $conf);

    my @command = $self->command;

    my $pid = fork // die "fork() failed: $!";

    if ($pid == 0) {
        # In its own group: ^C reaches only us, and we can kill it as a whole.
        POSIX::setpgid(0, 0);
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP PIPE __DIE__);
        @ENV{ keys %{ $self->{env} } } = values %{ $self->{env} };

        open STDIN, '<', '/dev/null';
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', "$root/logs/stderr.log";

        { exec { $command[0] } @command };

        print STDERR "cannot execute $command[0]: $!\n";
        POSIX::_exit(127);
    }

    # Whoever comes first, we or the child.
    POSIX::setpgid($pid, $pid);

    $self->{pid} = $pid;
    $self->{exit_status} = undef;

    # nginx writes its pid file when it listens.  Connecting to the port to
    # find that out would leave traces in the logs and in the counters.
    my $deadline = time + $self->{patience};

    while (time < $deadline) {
        return 0 if defined $self->wait_exit(0);
        return 1 if read_file("$root/logs/nginx.pid") eq "$pid\n";

        sleep POLL_INTERVAL;
    }

    $self->kill_group;

    return 0;
}


sub remove { remove_tree($_[0]{root}) }


# The wait status, or undef when nginx is still running after that many
# seconds.
sub wait_exit {
    my ($self, $seconds) = @_;

    my $deadline = time + $seconds;

    for ( ;; ) {
        if (waitpid($self->{pid}, WNOHANG) == $self->{pid}) {
            return $self->{exit_status} = $?;
        }

        return undef if time >= $deadline;

        sleep POLL_INTERVAL;
    }
}


sub exit_status { $_[0]{exit_status} }

# What a shell would call it: 0 for success.
sub exit_code {
    my ($self) = @_;

    my $status = $self->{exit_status};

    return WIFSIGNALED($status) ? 128 + WTERMSIG($status)
                                : WEXITSTATUS($status);
}


sub kill_group {
    my ($self) = @_;

    return if !defined $self->{pid};

    kill 'KILL', -$self->{pid};
    $self->wait_exit(60) if $self->running;
    undef $self->{pid};
}


# Stops nginx if it runs.  Returns a remark when it had to be pressed.
sub stop {
    my ($self, @signals) = @_;

    my $pid = $self->{pid} // return;
    my $remark;

    for my $signal (@signals) {
        # It may have ended before.
        last if !$self->running || defined $self->wait_exit(0);

        kill $signal, $pid;
        last if defined $self->wait_exit($self->{patience} / 2);

        $remark = "nginx did not stop upon SIG$signal";
    }

    # With the master gone no worker may survive.
    $self->kill_group;

    return $remark;
}


# Everything that went wrong inside nginx, as texts.  To be called after it has
# ended.  $expected is a sub that tells whether the test expects a log line;
# $must_die means that nginx was meant to refuse its configuration.
sub problems {
    my ($self, $expected, $must_die) = @_;

    my $log = $self->read_log('error.log');
    my $status = $self->{exit_status};
    my @problems;

    if (WIFSIGNALED($status)) {
        push @problems, 'nginx was killed by signal ' . WTERMSIG($status);

    } elsif (WEXITSTATUS($status) && !$must_die) {
        push @problems, 'nginx exited with code ' . WEXITSTATUS($status);
    }

    for my $name ('stderr.log', 'error.log') {
        push @problems, sanitizer_reports($self->read_log($name));
    }

    push @problems, $self->valgrind_reports;

    return @problems if $must_die;

    for my $line (split /^/m, $log) {
        next if $line !~ /\A\S+ \S+ \[(?:alert|crit|emerg)\] /;
        next if $expected->($line);

        chomp $line;
        push @problems, $line;
    }

    return @problems;
}


# AddressSanitizer and its kin write to stderr, which nginx soon redirects to
# its error log.
sub sanitizer_reports {
    my ($text) = @_;

    my $start = qr/^.*(?:ERROR:[ ]\w+Sanitizer|WARNING:[ ]ThreadSanitizer
                        |:[ ]runtime[ ]error:[ ])/mx;

    # A report ends where nginx goes on with its own log lines.
    my $nginx_line = qr{^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[}m;

    my @reports;

    while ($text =~ /($start.*?)(?=$nginx_line|\z)/sg) {
        push @reports, shorten($1);
    }

    return @reports;
}


sub valgrind_reports {
    my ($self) = @_;

    my @reports;

    for my $file (glob "$self->{root}/logs/valgrind.*") {
        my $report = read_file($file);

        # without a summary valgrind itself came to grief
        next if $report =~ /ERROR SUMMARY: 0 errors/;

        push @reports, "valgrind reports errors:\n" . shorten($report);
    }

    return @reports;
}


sub shorten {
    my ($text) = @_;

    my @lines = split /^/m, $text;
    my $limit = 100;

    return $text if @lines <= $limit;

    return join '', @lines[0 .. $limit - 1], '... ', @lines - $limit,
                    " more lines\n";
}


# A file of the log directory, from an offset on.
sub read_log {
    my ($self, $name, $offset) = @_;

    my $text = read_file("$self->{root}/logs/$name");

    return $text if !$offset;
    return length $text > $offset ? substr($text, $offset) : '';
}


sub read_file {
    my ($path) = @_;

    open my $file, '<:raw', $path or return '';
    local $/;

    return <$file> // '';
}


sub write_file {
    my ($path, $text) = @_;

    make_path(dirname($path));

    open my $file, '>:raw', $path or die "cannot write $path: $!\n";
    print {$file} $text;
    close $file or die "cannot write $path: $!\n";
}

1;
