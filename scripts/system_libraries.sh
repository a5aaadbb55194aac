#!/bin/sh
# Makes sure that the system libraries of the build are here: installs what is missing where it may, says so,
# and otherwise prints the exact command to run. Usage: system_libraries.sh PACKAGE...
set -eu

arm=/usr/lib/aarch64-linux-gnu
missing=""
for package in "$@"; do
  case "$package" in
    pkg-config) command -v pkg-config >/dev/null 2>&1 || missing="$missing $package" ;;
    libsodium-dev) pkg-config --exists 'libsodium >= 1.0.18' 2>/dev/null || missing="$missing $package" ;;
    libzstd-dev) pkg-config --exists 'libzstd >= 1.4' 2>/dev/null || missing="$missing $package" ;;
    libssl-dev) pkg-config --exists 'libcrypto >= 3' 2>/dev/null || missing="$missing $package" ;;
    chromium) command -v chromium >/dev/null 2>&1 || missing="$missing $package" ;;
    postgresql) ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || missing="$missing $package" ;;
    doctest-dev) [ -e /usr/include/doctest/doctest.h ] || missing="$missing $package" ;;
    g++) command -v c++ >/dev/null 2>&1 || missing="$missing $package" ;;
    clang) command -v clang++ >/dev/null 2>&1 || missing="$missing $package" ;;
    libclang-rt-dev) ls /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a >/dev/null 2>&1 || missing="$missing $package" ;;
    g++-aarch64-linux-gnu) command -v aarch64-linux-gnu-g++ >/dev/null 2>&1 || missing="$missing $package" ;;
    qemu-user) command -v qemu-aarch64 >/dev/null 2>&1 || missing="$missing $package" ;;
    libsodium-dev:arm64) [ -e $arm/pkgconfig/libsodium.pc ] || missing="$missing $package" ;;
    libzstd-dev:arm64) [ -e $arm/pkgconfig/libzstd.pc ] || missing="$missing $package" ;;
    libstdc++6:arm64) [ -e $arm/libstdc++.so.6 ] || missing="$missing $package" ;;
    *) echo "system_libraries.sh: does not know $package" >&2; exit 2 ;;
  esac
done
[ -z "$missing" ] && exit 0

# Another architecture's packages are found once dpkg knows the architecture.
foreign=""
case "$missing" in *:arm64*) dpkg --print-foreign-architectures 2>/dev/null | grep -qx arm64 || foreign=arm64 ;; esac

if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
  echo "Installing missing system packages:$missing"
  [ -z "$foreign" ] || dpkg --add-architecture "$foreign"
  apt-get update -qq
  # shellcheck disable=SC2086  # one word a package
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
  echo "Missing system packages:$missing" >&2
  echo "Run this, then try again:" >&2
  echo "    ${foreign:+sudo dpkg --add-architecture $foreign && }sudo apt-get update && sudo apt-get install -y$missing" >&2
  exit 1
fi
