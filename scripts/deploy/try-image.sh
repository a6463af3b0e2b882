#!/usr/bin/env bash
# Builds examples/deploy/<cpu|cuda>.Dockerfile with this checkout's package, without Docker and without a registry of images,
# starts the server from the image's root, runs the image's health check and asks one question.
#
#   npm run build && sudo scripts/deploy/try-image.sh cpu /tmp/vqrae-image
#
# Wants root, buildah, debootstrap, curl, python3. The base images are Debian bookworm with this checkout's Node 22 and the
# machine's npm, under the names that the Dockerfile has: of cuda.Dockerfile that shows the steps, and not its CUDA base.
set -euo pipefail
kind=$1 work=$2
repo=$(cd "$(dirname "$0")/../.." && pwd)
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
mkdir -p "$work/context"

root=$work/bookworm
[ -d "$root" ] || debootstrap --variant=minbase --include=ca-certificates bookworm "$root"

# commit_base NAME WITH_NODE: the root as an image.
commit_base() {
  local container mounted
  container=$(buildah from scratch)
  buildah add -q "$container" "$root" /
  # A network's own certificates, where the machine has some.
  if [ -n "${NODE_EXTRA_CA_CERTS:-}" ]; then
    buildah add -q "$container" "$NODE_EXTRA_CA_CERTS" /etc/ssl/certs/ca-certificates.crt
    buildah config --env NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt "$container"
  fi
  if [ "$2" = yes ]; then
    mounted=$(buildah mount "$container")
    mkdir -p "$mounted/usr/local/lib/node_modules"
    cp "$repo/node_modules/node/bin/node" "$mounted/usr/local/bin/node"
    cp -r "$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")" "$mounted/usr/local/lib/node_modules/npm"
    ln -sf ../lib/node_modules/npm/bin/npm-cli.js "$mounted/usr/local/bin/npm"
    grep -q '^node:' "$mounted/etc/group" || chroot "$mounted" groupadd --gid 1000 node
    grep -q '^node:' "$mounted/etc/passwd" || chroot "$mounted" useradd --uid 1000 --gid node --create-home node
    buildah umount "$container" >/dev/null
  fi
  buildah config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
  buildah commit -q --rm "$container" "$1" >/dev/null
}
commit_base docker.io/library/node:22-bookworm-slim yes
cuda=$(sed -n 's/^FROM \(nvidia[^ ]*\)$/\1/p' "$repo/examples/deploy/$kind.Dockerfile")
[ -z "$cuda" ] || commit_base "docker.io/$cuda" no

(cd "$repo" && npm pack --silent --ignore-scripts --pack-destination "$work/context" >/dev/null)
package=$(basename "$work"/context/vqrae-*.tgz)
sed "s#vqrae@[0-9.]* #./$package #; s#^WORKDIR .*#&\nCOPY $package .#" "$repo/examples/deploy/$kind.Dockerfile" >"$work/context/$kind.Dockerfile"
# HEALTHCHECK is of Docker's format alone.
buildah bud --format docker --layers=false --pull-never --network host -f "$work/context/$kind.Dockerfile" -t "vqrae-$kind" "$work/context"
buildah images

container=$(buildah from --pull-never "localhost/vqrae-$kind")
mounted=$(buildah mount "$container")
config() { buildah inspect --type image "localhost/vqrae-$kind" | python3 -c "import json,sys; c = json.load(sys.stdin)['Docker']['config']; print($1)"; }
mount -t proc proc "$mounted/proc"
mount --rbind /dev "$mounted/dev" && mount --make-rslave "$mounted/dev"
trap 'umount -l "$mounted/dev" "$mounted/proc"; buildah rm "$container" >/dev/null' EXIT

# As its user and in its folder, with its entry point and its command; on the port that the health check asks.
user=$(config "c['User']")
command=$(config "' '.join(c['Entrypoint'] + c['Cmd'])" | sed 's/ --gpu cuda//')
environment=(env -i PATH=/usr/local/bin:/usr/bin:/bin HOME=/tmp XDG_CACHE_HOME=/cache VQRAE_API_KEY=secret)
echo "as $user: $command"
chroot --userspec="$user" "$mounted" "${environment[@]}" sh -c "cd /opt/vqrae && exec $command" >"$work/out" 2>"$work/log" &
server=$!
check=$(config "c['Healthcheck']['Test'][-1]")
healthy() { chroot "$mounted" "${environment[@]}" node --eval "$check"; }
for _ in $(seq 60); do
  if healthy; then break; fi
  sleep 1
done
healthy && echo "the health check passes"
picture=$(base64 -w0 "$repo/examples/images/cat.jpg")
curl -s -H 'authorization: Bearer secret' -H 'content-type: application/json' --data @- http://127.0.0.1:8080/v1/chat/completions <<END
{ "model": "vqrae-tiny-vlm", "max_tokens": 24, "messages": [{ "role": "user", "content": [
  { "type": "image_url", "image_url": { "url": "data:image/jpeg;base64,$picture" } }, { "type": "text", "text": "what is it?" }] }] }
END
echo
kill -TERM "$server"
wait "$server" && echo "it ends by SIGTERM"
if healthy; then exit 1; else echo "the health check fails without a server"; fi
cat "$work/out" "$work/log"
