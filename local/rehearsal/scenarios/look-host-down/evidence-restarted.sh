# The host started twelve minutes ago.
mounts() {
  echo '754.00 754.00' >/run/uptime
  mount --bind /run/uptime /proc/uptime
}
after() {
  grep -q '^VERDICT: the host started 12 minutes ago$' <<<"$output_look"
  grep -q '^Up since 20' <<<"$output_starts"
}
