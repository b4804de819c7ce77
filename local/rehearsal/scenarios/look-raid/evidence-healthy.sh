# A mirror with both of its disks.
mounts() {
  mkdir -p /run/proc
  cat >/run/proc/mdstat <<'END'
Personalities : [raid1]
md0 : active raid1 sdb1[1] sda1[0]
      1046528 blocks super 1.2 [2/2] [UU]

unused devices: <none>
END
  # The kernel of this machine may have no arrays, and nobody can add a file to its /proc.
  mount --bind /run/proc /proc
}
after() { grep -q '^VERDICT: every array is whole$' <<<"$output_look"; }
