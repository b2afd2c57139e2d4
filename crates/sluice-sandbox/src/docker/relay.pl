use IO::Socket::INET;
use IO::Socket::UNIX;
my $door = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => 3128, Listen => 128, ReuseAddr => 1)
    or die "sluice: the way out cannot be opened: $!\n";
# It listens: the command may start.
my $self = fork;
defined $self or die "sluice: no relay can be started: $!\n";
exit 0 if $self;
open STDIN, "<", "/dev/null";
open STDOUT, ">", "/dev/null";
open STDERR, ">", "/dev/null";
$SIG{CHLD} = "IGNORE";
$SIG{PIPE} = "IGNORE";
while (1) {
    my $client = $door->accept or next;
    my $one = fork;
    next if $one or not defined $one;
    close $door;
    my $out = IO::Socket::UNIX->new(Peer => "/sluice/way-out") or exit 1;
    my $back = fork;
    defined $back or exit 1;
    my ($from, $to) = $back ? ($client, $out) : ($out, $client);
    while (sysread $from, my $bytes, 65536) {
        my $sent = 0;
        while ($sent < length $bytes) {
            my $now = syswrite $to, $bytes, length($bytes) - $sent, $sent;
            defined $now or exit 1;
            $sent += $now;
        }
    }
    shutdown $to, 1;
    exit 0;
}
