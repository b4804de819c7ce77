# The host is up and the exporter listens: the way to it is broken.
mounts() {
  echo '800000.00 800000.00' >/run/uptime
  mount --bind /run/uptime /proc/uptime
  setsid perl -MIO::Socket::INET -e '$socket = IO::Socket::INET->new(Listen => 5, LocalPort => 9100) or die; sleep 600' \
    >/dev/null 2>&1 </dev/null &
  sleep 0.5
}
after() { grep -q '^VERDICT: the host is up and something listens on port 9100' <<<"$output_look"; }
