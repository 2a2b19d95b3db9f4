#!/bin/sh
# test.sh PATCHBAY FOLDER: runs a turn through the plugin in FOLDER, with a scripted model.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/test.yaml" <<END
plugins:
  path: ["$2"]
llms:
  script: {use: replay, replies: [{text: Hello}]}
pipelines:
  loud:
    stages:
      - shout: {suffix: "!!", times: 2}
      - generate: {llm: script}
transports:
  terminal: {use: cli, pipeline: loud}
END
reply=$("$1" ask -c "$work/test.yaml" --data-dir "$work" "Hi")
echo "$reply"
case $reply in
  *'Hello!!!!') ;;
  *) echo "expected a reply that ends in 'Hello!!!!'" >&2; exit 1 ;;
esac
