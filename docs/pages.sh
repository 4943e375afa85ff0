#!/bin/sh

# Copyright (C) TgoRTC contributors
#
# Makes the pages of the API document, and puts the operator's page beside
# them:
#
#     docs/pages.sh BUILD_DIR
#
# leaves BUILD_DIR/www/openapi.yaml, openapi.json, swagger/ and tgortc/, to be
# served as /openapi.yaml, /openapi.json, /swagger/ and /tgortc/.  The npm
# packages go to BUILD_DIR/pages and are fetched only when package.json has
# changed.

set -eu

if [ $# -ne 1 ]; then
    echo "usage: $0 BUILD_DIR" >&2
    exit 2
fi

docs=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
page=$docs/../src/page

mkdir -p -- "$1/pages" "$1/www"
build=$(CDPATH='' cd -- "$1" && pwd)

npm=$build/pages
www=$build/www


# the packages; the stamp is written last, so a failed install is repeated

if ! cmp -s "$docs/package.json" "$npm/installed.json"; then
    rm -rf "$npm/node_modules" "$npm/installed.json"
    cp "$docs/package.json" "$npm/package.json"
    (cd "$npm" && npm install --ignore-scripts --no-package-lock --no-audit \
        --no-fund --no-update-notifier --loglevel=error >&2)
    cp "$docs/package.json" "$npm/installed.json"
fi


# the document, only when it is valid

tmp=$(mktemp -d "$npm/tmp.XXXXXX")
trap 'rm -rf "$tmp"' EXIT

cd "$npm"

node - "$docs/openapi.yaml" "$tmp/openapi.json" <<'END'
const fs = require('fs');
const YAML = require('yaml');

const [source, target] = process.argv.slice(2);

(async () => {
    const { Validator } = await import('@seriousme/openapi-schema-validator');

    const document = YAML.parse(fs.readFileSync(source, 'utf8'));
    const result = await new Validator().validate(structuredClone(document));

    if (!result.valid) {
        throw new Error(JSON.stringify(result.errors, null, 2));
    }

    fs.writeFileSync(target, JSON.stringify(document, null, 2) + '\n');

})().catch(error => {
    console.error(`${source}: ${error.message}`);
    process.exit(1);
});
END

cp "$docs/openapi.yaml" "$tmp/"


# the pages

ui=$npm/node_modules/swagger-ui-dist

mkdir "$tmp/swagger"

for file in LICENSE NOTICE favicon-16x16.png favicon-32x32.png index.css \
    swagger-ui-bundle.js swagger-ui-bundle.js.LICENSE.txt
do
    cp "$ui/$file" "$tmp/swagger/"
done

# without the reference to a source map that is not served
sed 's|^/\*# sourceMappingURL=.*\*/||' "$ui/swagger-ui.css" \
    > "$tmp/swagger/swagger-ui.css"

cp "$docs/swagger/index.html" "$docs/swagger/initializer.js" "$tmp/swagger/"

mkdir "$tmp/tgortc"
cp "$page"/* "$tmp/tgortc/"


# nginx's workers read them as another user, and may be reading them now

cd "$tmp"
chmod -R a+rX .
mkdir -p "$www/swagger" "$www/tgortc"
chmod a+rx "$www" "$www/swagger" "$www/tgortc"

find . -type f | while read -r file; do
    cmp -s "$file" "$www/$file" || mv -f "$file" "$www/$file"
done
