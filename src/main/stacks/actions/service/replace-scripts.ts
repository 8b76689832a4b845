import type { Meanings } from '../job.ts';
import { meanings as common, composePrelude, gently } from './scripts.ts';

/**
 * `$1` name, `$2` name for the former one, `$3` id of the former one or nothing, `$4` mark of the run, `$5` grace, `$6` image, `$7` its id, then
 * options of `docker run`. Each line can be done again: what an earlier try of the same run put in place is taken away first, and known by its
 * mark; the former container is moved aside and kept, and nothing starts it there.
 */
const containerParts = `${gently}
name=$1 aside=$2 former=$3 mark=$4 grace=$5 force=
id_of() { docker inspect --type container --format '{{.Id}}' -- "$1" 2>/dev/null; }
clear_place() {
  there=$(id_of "$name")
  [ -n "$there" ] && [ "$there" != "$former" ] || return 0
  [ "$(docker inspect --type container --format '{{index .Config.Labels "quarterdeck.run"}}' -- "$there")" = "$mark" ] || return 55
  end_gently "$there" || return $?
  docker rm -- "$there" >/dev/null || return 53
}
`;

export const replaceContainer = `${containerParts}
image=$6 id=$7
shift 7
[ "$(docker image inspect --format '{{.Id}}' -- "$image")" = "$id" ] || exit 51
clear_place || exit $?
if [ -n "$former" ]; then
  echo "ending $name"
  end_gently "$former" || exit $?
  docker update --restart=no -- "$former" >/dev/null || exit 52
  [ "$(id_of "$name")" != "$former" ] || docker rename -- "$former" "$aside" || exit 52
fi
echo "starting $name from $image"
docker run --detach --pull never --name "$name" --label "quarterdeck.run=$mark" "$@" -- "$image" >/dev/null || exit 54
`;

/** As {@link replaceContainer} up to `$5`; `$6` restart policy of the former one, `$7` `yes` when it ran. */
export const containerBack = `${containerParts}
policy=$6 ran=$7
[ -z "$former" ] || [ -n "$(id_of "$former")" ] || exit 56
clear_place || exit $?
[ -n "$former" ] || exit 0
docker update --restart="$policy" -- "$former" >/dev/null || exit 52
[ "$(id_of "$name")" = "$former" ] || docker rename -- "$former" "$name" || exit 52
[ "$ran" != yes ] || docker start -- "$former" >/dev/null || exit 34
`;

const envOf = `env_of() { docker inspect --type container --format '{{range .Config.Env}}{{println .}}{{end}}' -- "$1" | sort | cksum; }
`;
const keptFolder = `kept="\${XDG_STATE_HOME:-$HOME/.local/state}/quarterdeck/kept/$mark"
`;

/** `$1` mark of the run, then service and container: names the services whose environment is not the one that was kept. */
export const otherEnvironments = `${envOf}
mark=$1
shift
${keptFolder}
while [ $# -ge 2 ]; do
  if [ -s "$kept/$1.sum" ] && [ "$(env_of "$2")" != "$(cat "$kept/$1.sum")" ]; then echo "$1"; fi
  shift 2
done
`;

/**
 * After {@link composePrelude}'s: `$1` grace, `$2` mark of the run, `$3` version of the file or nothing, `$4` how, `$5` the service or nothing, `$6` ids of what
 * is to end, in that order; then six for each service: name, id and tag of the former image, image to run (nothing: the file's own), its id
 * (nothing: not known yet), id of a former container (or nothing).
 *
 * First the way back is secured: the former images get a tag of ours, so that no clean-up takes them, and the environments of the former
 * containers a file that only this login can read. An override beside that, never in the project's folder, pins what is not the file's own.
 */
const composeParts = `${composePrelude}
${gently}
grace=$1 mark=$2 version=$3 how=$4 service=$5 ids=$6 force=
shift 6
umask 077
${keptFolder}
mkdir -p "$kept" || exit 61
${envOf}
spare() { echo "quarterdeck-kept:$(printf '%s' "\${1#sha256:}" | cut -c 1-12)"; }
files() {
  if [ -n "$file" ]; then echo "$file"; return; fi
  for id in $(compose ps -a -q); do
    list=$(docker inspect --type container --format '{{index .Config.Labels "com.docker.compose.project.config_files"}}' -- "$id" | tr , '\\n' |
      grep -v /quarterdeck/kept/ | paste -s -d , -)
    [ -z "$list" ] || { echo "$list"; return; }
  done
  for base in compose.yaml compose.yml docker-compose.yml docker-compose.yaml; do
    [ -f "$base" ] || continue
    for more in "\${base%.*}.override.yml" "\${base%.*}.override.yaml"; do [ ! -f "$more" ] || base=$base,$more; done
    echo "$base"
    return
  done
}
up() {
  if [ -s "$kept/override.yml" ]; then
    COMPOSE_FILE="$(files),$kept/override.yml" COMPOSE_PATH_SEPARATOR=,
    export COMPOSE_FILE COMPOSE_PATH_SEPARATOR
    file=
  fi
  if [ -n "$service" ]; then compose up -d --no-build --force-recreate --no-deps "$service"; else compose up -d --no-build --force-recreate; fi
}
end_all() {
  for id in $ids; do
    echo "ending $id"
    end_gently "$id" || return $?
  done
}
`;

export const replaceCompose = `${composeParts}
: >"$kept/override.new" || exit 61
while [ $# -ge 6 ]; do
  if [ -n "$2" ]; then
    docker tag "$2" "$(spare "$2")" || exit 62
    if [ ! -e "$kept/$1.env" ]; then
      [ -z "$6" ] || { docker inspect --type container --format '{{json .Config.Env}}' -- "$6" >"$kept/$1.new" &&
        env_of "$6" >"$kept/$1.sum" && mv -f "$kept/$1.new" "$kept/$1.env"; } || exit 61
    fi
  fi
  [ -z "$5" ] || [ "$(docker image inspect --format '{{.Id}}' -- "$4")" = "$5" ] || exit 51
  [ -z "$4" ] || [ -z "$5" ] || [ "$how" != pin ] || printf '  "%s":\\n    image: "%s"\\n' "$1" "$4" >>"$kept/override.new" || exit 61
  shift 6
done
if [ -s "$kept/override.new" ]; then
  { [ -z "$version" ] || printf 'version: "%s"\\n' "$version"; echo services:; cat "$kept/override.new"; } >"$kept/override.yml" || exit 61
else rm -f "$kept/override.yml"
fi
rm -f "$kept/override.new"
if [ "$how" = build ]; then
  if [ -n "$service" ]; then compose build "$service" </dev/null || exit 65; else compose build </dev/null || exit 65; fi
fi
end_all || exit $?
up || exit 54
`;

/** Goes back to the former images and environments. With `build` the tags lead to the former images again too. */
export const composeBack = `${composeParts}
: >"$kept/override.new" || exit 61
all=
while [ $# -ge 6 ]; do
  if [ -n "$2" ]; then
    docker image inspect --format '{{.Id}}' -- "$2" >/dev/null || exit 57
    [ "$how" != build ] || docker tag "$2" "$3" || exit 62
    use=$3
    [ "$(docker image inspect --format '{{.Id}}' -- "$use" 2>/dev/null)" = "$2" ] || { use=$(spare "$2"); docker tag "$2" "$use" || exit 62; }
    printf '  "%s":\\n    image: "%s"\\n' "$1" "$use" >>"$kept/override.new" || exit 61
    if [ -s "$kept/$1.env" ] && [ "$(cat "$kept/$1.env")" != null ]; then
      { printf '    environment: '; sed 's/\\$/$$/g' "$kept/$1.env"; } >>"$kept/override.new" || exit 61
      all="$all $1"
    fi
  fi
  shift 6
done
{ [ -z "$version" ] || printf 'version: "%s"\\n' "$version"; echo services:; cat "$kept/override.new"; } >"$kept/override.yml" || exit 61
rm -f "$kept/override.new"
end_all || exit $?
up || exit 54
for one in $all; do
  for id in $(compose ps -q "$one"); do [ "$(env_of "$id")" = "$(cat "$kept/$one.sum")" ] || { echo "$one" >&2; exit 64; }; done
done
`;

/** What the exit codes of these scripts mean. */
export const meanings: Meanings = {
  ...common,
  51: 'the image is not on the host, or its tag leads to another image than a moment ago; nothing was changed',
  52: 'the former container could not be moved',
  53: 'the new container could not be taken away',
  54: 'the new container could not be made',
  55: 'another container has taken its name meanwhile',
  56: 'the former container is not there any more',
  57: 'the former image is not there any more',
  61: 'what is needed for the way back could not be written on the host',
  62: 'an image could not be given its tag',
  64: 'the former image runs, and its environment is not the former one, because the project’s files have more in it by now',
  65: 'the build failed; what runs was left alone',
};
