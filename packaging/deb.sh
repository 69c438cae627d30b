#!/bin/sh
# Makes a Debian package of a binary that is built already: packaging/deb.sh target/release/askonce [FOLDER]
# It needs dpkg-deb and objdump, and no maintainer scripts: the unit has a dynamic user and its own state folder.
set -eu
binary=${1:?usage: packaging/deb.sh BINARY [FOLDER]}
out=${2:-.}
root=$(cd "$(dirname "$0")/.." && pwd)
version=$("$binary" --version | cut -d' ' -f2)
architecture=$(dpkg --print-architecture)
# The newest symbol that the binary wants of the C library says which one it needs.
libc=$(objdump -T "$binary" | sed -n 's/.*(\{0,1\}GLIBC_\([0-9.]*\).*/\1/p' | sort -Vu | tail -n 1)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
umask 022
chmod 755 "$tree"
doc=$tree/usr/share/doc/askonce

install -D -m 755 "$binary" "$tree/usr/bin/askonce"
strip --strip-debug "$tree/usr/bin/askonce"
install -D -m 644 "$root/packaging/askonce.service" "$tree/usr/lib/systemd/system/askonce.service"
install -D -m 644 "$root/packaging/askonce.yaml" "$tree/etc/askonce/askonce.yaml"
for file in README.md SECURITY.md docs/*.md; do
    (cd "$root" && install -D -m 644 "$file" "$doc/$(basename "$file")")
done
(cd "$root/flows" && find . -type f ! -name '*.sh' -exec install -D -m 644 {} "$tree/usr/share/askonce/flows/{}" \;)
{
    echo "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/"
    echo "Upstream-Name: askonce"
    echo
    echo "Files: *"
    echo "Copyright: the askonce developers"
    echo "License: MIT or Apache-2.0"
    echo
    sed 's/^$/./; s/^/ /' "$root/LICENSE-MIT"
    echo " ."
    echo " The Apache licence 2.0 is in /usr/share/common-licenses/Apache-2.0."
} > "$doc/copyright"
chmod 644 "$doc/copyright"
gzip -9n < "$root/CHANGELOG.md" > "$doc/changelog.gz"

mkdir "$tree/DEBIAN"
echo /etc/askonce/askonce.yaml > "$tree/DEBIAN/conffiles"
(cd "$tree" && find etc usr -type f -exec md5sum {} + > DEBIAN/md5sums)
cat > "$tree/DEBIAN/control" <<CONTROL
Package: askonce
Version: $version
Architecture: $architecture
Maintainer: askonce developers <developers@askonce.invalid>
Installed-Size: $(du -sk --exclude=DEBIAN "$tree" | cut -f1)
Depends: libc6 (>= $libc), libgcc-s1
Recommends: ca-certificates
Section: comm
Priority: optional
Description: IVR and call flows over SIP: callers say it once
 Answers calls with flows written in YAML, asks callers for what is needed
 once, and hands it to every person after: by SIP header fields, by webhook
 and by reference over HTTP.
CONTROL
dpkg-deb --root-owner-group -Zxz --build "$tree" "$out/askonce_${version}_${architecture}.deb"
