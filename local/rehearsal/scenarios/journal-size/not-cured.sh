# The journal grew too large within hours: nothing is old enough to go.
# with: maxMegabytes=4
plant() {
  mkdir -p /var/log/journal/host
  for number in 1 2; do head -c 3M /dev/zero >"/var/log/journal/host/system@$number.journal"; done
}
after() { [ "$(find /var/log/journal/host -name 'system@[12].journal' -size 3M | wc -l)" = 2 ]; }
