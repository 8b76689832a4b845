import { recoveredPrelude, recoveryPrelude, serverPrelude } from './shell.ts';

const facts = `user=$1 bin=$2 role=$3 root=$4 key=$5 archive=$6
shift 6
case "$key" in r[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]) ;; *) exit 46 ;; esac
dir=$root/$key
qd_note() {
  qd_as "$user" /bin/sh -c 'umask 077; cat >"$1.new" && { sync "$1.new" 2>/dev/null || sync; } && mv -f "$1.new" "$1"' put "$root/current"
}
`;

const whole = `${recoveryPrelude}${serverPrelude}${recoveredPrelude}${facts}`;

/**
 * Arguments: account, tools, role, root, key, archive; then base backup, its cluster, target, timeline. The copy is made under another name and
 * appears as `data` only when it is whole and of the right cluster; `current` names the one recovered server there may be.
 */
export const recoverScript = `${whole}base=$1 system=$2 target=$3 timeline=$4
if [ -e "$root/current" ] && [ "$(qd_field key "$root/current")" != "$key" ]; then exit 41; fi
if [ ! -d "$root" ]; then
  mkdir -p "$root" && chmod 700 "$root" || exit 42
  [ "$(id -u)" != 0 ] || chown "$user" "$root" || exit 42
fi
printf 'key=%s\\nbase=%s\\nsystem=%s\\ntimeline=%s\\ntarget=%s\\nstate=copying\\n' "$key" "\${base##*/}" "$system" "$timeline" "$target" | qd_note || exit 42
if [ ! -d "$dir/data" ]; then
  # A name of its own for each try: the copying of a helper that was killed may still go on, and must not reach into this one.
  part=$dir/part-$$
  qd_as "$user" rm -rf "$dir" || exit 42
  qd_as "$user" mkdir "$dir" "$dir/s" || exit 42
  qd_as "$user" "$bin/pg_verifybackup" -q -n "$base" >&2 || exit 43
  if ! qd_as "$user" cp -a --reflink=auto "$base" "$part" 2>/dev/null; then
    qd_as "$user" rm -rf "$part"
    qd_as "$user" cp -pR "$base" "$part" || { qd_as "$user" rm -rf "$part"; exit 42; }
  fi
  [ "$(qd_control "$part" 'Database system identifier')" = "$system" ] || exit 44
  qd_as "$user" rm -f "$part/postmaster.pid" "$part/postmaster.opts" "$part/standby.signal" "$part/recovery.signal" || exit 42
  # What ALTER SYSTEM set on the live server would overrule the settings of the recovered one.
  [ ! -f "$part/postgresql.auto.conf" ] || qd_as "$user" mv "$part/postgresql.auto.conf" "$part/postgresql.auto.conf.base" || exit 42
  printf '%s\\n' "$key" | qd_put "$part/quarterdeck-recovered" || exit 42
  sync
  qd_as "$user" chmod 700 "$part" && qd_as "$user" mv "$part" "$dir/data" || exit 42
fi
echo "Copied; recovering to $target."
if [ -z "$(qd_alive "$dir/data")" ]; then qd_settings "$target" "$timeline" || exit 40; fi
qd_recover || exit $?
told=$(qd_tell) || exit 53
printf 'key=%s\\nbase=%s\\nsystem=%s\\ntimeline=%s\\ntarget=%s\\nstate=paused\\n%s\\n' "$key" "\${base##*/}" "$system" "$timeline" "$target" "$told" | qd_note || exit 42
printf '%s\\n' "$told"
`;

/** Arguments as {@link recoverScript}, then the new target. The server is started anew: a target is read at the start only. */
export const advanceScript = `${whole}target=$1
[ "$(qd_field key "$root/current")" = "$key" ] && [ -d "$dir/data" ] && [ ! -e "$dir/promoting" ] || exit 46
base=$(qd_field base "$root/current") system=$(qd_field system "$root/current") timeline=$(qd_field timeline "$root/current")
before=$(qd_field replayed "$root/current")
if [ "$(qd_field target "$root/current")" != "$target" ] || [ "$(qd_field state "$root/current")" != paused ] || [ -z "$(qd_alive "$dir/data")" ]; then
  qd_halt "$dir/data" || exit 45
  printf 'key=%s\\nbase=%s\\nsystem=%s\\ntimeline=%s\\ntarget=%s\\nreplayed=%s\\nstate=advancing\\n' "$key" "$base" "$system" "$timeline" "$target" "$before" | qd_note || exit 42
  qd_settings "$target" "$timeline" || exit 40
fi
qd_recover || exit $?
told=$(qd_tell) || exit 53
printf 'key=%s\\nbase=%s\\nsystem=%s\\ntimeline=%s\\ntarget=%s\\nstate=paused\\n%s\\n' "$key" "$base" "$system" "$timeline" "$target" "$told" | qd_note || exit 42
printf '%s\\n' "$told"
`;

/** Arguments as {@link recoverScript}. Ends the recovered server and removes what was copied; nothing else lies in its folder. */
export const discardScript = `${whole}if [ -d "$dir" ]; then
  [ ! -L "$dir" ] || exit 46
  qd_halt "$dir/data" || exit 45
fi
if [ "$(qd_field key "$root/current")" = "$key" ]; then qd_as "$user" rm -f "$root/current" || exit 47; fi
[ ! -e "$dir" ] || qd_as "$user" rm -rf "$dir" || exit 47
[ ! -e "$dir" ] || exit 47
echo removed=yes
`;

/** Arguments as {@link recoverScript}, the key may be empty: then the one that `current` names. Reads only. */
export const recoveredLook = `${recoveryPrelude}${recoveredPrelude}user=$1 bin=$2 role=$3 root=$4 key=$5 archive=$6
[ -e "$root/current" ] && sed -n 's/^\\([a-z_]*=\\)/current_\\1/p' "$root/current"
[ -n "$key" ] || key=$(qd_field key "$root/current")
case "$key" in r[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]) ;; *) exit 0 ;; esac
dir=$root/$key
echo "key=$key"
[ -d "$dir" ] && echo folder=yes
[ -d "$dir/data" ] && echo data=yes
[ -e "$dir/promoting" ] && echo promoting=yes
[ -n "$(qd_alive "$dir/data")" ] || exit 0
echo alive=yes
echo "state=$(qd_state)"
[ -z "$(qd_stopped_at)" ] || qd_tell
exit 0
`;
