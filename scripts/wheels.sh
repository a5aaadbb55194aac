#!/bin/sh
# Builds dist/: the source, a wheel for this machine and one for 64-bit ARM. Then installs each wheel with numpy alone
# and repeats build/wheels/flights (tests/flights.py) with it, the ARM one under qemu. Usage: wheels.sh PYTHON, from
# the root. The ARM wheel is for PYTHON's version, of which Debian must have the libraries.
set -eu
python=$PWD/$1
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
work=$PWD/build/wheels
arm=$work/arm # Debian's Python for ARM: unpacked, not installed

backend() {
  "$python" -c "from scikit_build_core import build; build.$1('dist')" >"$work/$1.log" 2>&1 || { cat "$work/$1.log"; exit 1; }
}

unpack_arm_python() {
  mkdir -p "$work/debs" "$work/sysconfig"
  (cd "$work/debs" && apt-get download -qq -o APT::Sandbox::User=root libexpat1:arm64 zlib1g:arm64 "python$version-minimal:arm64" \
    "libpython$version-dev:arm64" "libpython$version-minimal:arm64" "libpython$version-stdlib:arm64")
  for deb in "$work"/debs/*.deb; do dpkg -x "$deb" "$arm"; done
  cp "$arm/usr/lib/python$version/_sysconfigdata__aarch64-linux-gnu.py" "$work/sysconfig"
}

# This machine's Python with the ARM Python's description of itself: that is where names and tags come from.
build_arm_wheel() {
  include=$arm/usr/include
  PYTHONPATH=$work/sysconfig _PYTHON_SYSCONFIGDATA_NAME=_sysconfigdata__aarch64-linux-gnu \
    _PYTHON_HOST_PLATFORM=linux-aarch64 SETUPTOOLS_EXT_SUFFIX=".cpython-$(echo "$version" | tr -d .)-aarch64-linux-gnu.so" \
    CMAKE_ARGS="--toolchain $PWD/cmake/aarch64.cmake -DPython_INCLUDE_DIR=$include/python$version -DCMAKE_CXX_FLAGS=-I$include" \
    backend build_wheel
}

try_here() {
  "$python" -m venv "$work/clean"
  "$work/clean/bin/pip" install --quiet --disable-pip-version-check "dist/"*"$(uname -m).whl"
  (cd "$work/clean" && bin/python "$OLDPWD/tests/fly_again.py" "$work/flights")
}

try_arm() {
  "$python" -m pip install --quiet --disable-pip-version-check --target "$work/site" --only-binary=:all: \
    --python-version "$version" --platform linux_aarch64 --platform manylinux_2_28_aarch64 \
    --platform manylinux_2_27_aarch64 --platform manylinux2014_aarch64 dist/*aarch64.whl
  (cd "$work/site" && PYTHONHOME=$arm/usr PYTHONPATH=$work/site qemu-aarch64 -cpu max \
    -E LD_LIBRARY_PATH="$arm/usr/lib/aarch64-linux-gnu:$arm/lib/aarch64-linux-gnu" \
    "$arm/usr/bin/python$version" "$OLDPWD/tests/fly_again.py" "$work/flights")
}

mkdir -p "$work"
backend build_sdist
backend build_wheel
unpack_arm_python
build_arm_wheel
ls dist
try_here
try_arm
