# One disk of a mirror failed; another array is being repaired, a third is inactive.
mounts() {
  mkdir -p /run/proc
  cat >/run/proc/mdstat <<'END'
Personalities : [raid1] [raid5]
md0 : active raid1 sdb1[1](F) sda1[0]
      1046528 blocks super 1.2 [2/1] [U_]

md1 : active raid5 sde1[3] sdd1[1] sdc1[0]
      2093056 blocks level 5, 512k chunk, algorithm 2 [3/2] [UU_]
      [==>..................]  recovery = 12.6% (37043392/292945152) finish=127.5min speed=33440K/sec

md2 : inactive sdf1[0](S)
      1046528 blocks super 1.2

unused devices: <none>
END
  # The kernel of this machine may have no arrays, and nobody can add a file to its /proc.
  mount --bind /run/proc /proc
}
after() {
  grep -q '^VERDICT: sdb1 of md0 failed; md0 is degraded; md1 is degraded; md1 is being repaired (12.6%); md2 is inactive$' \
    <<<"$output_look"
}
