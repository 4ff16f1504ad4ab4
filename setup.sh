#!/usr/bin/env bash
# Makes the virtual environment and installs what Handrail needs; quick where all stands.
set -euo pipefail
venv=${1:-.venv}
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "setup: Handrail needs Python 3.11 or newer, this is $(python3 --version)" >&2
  exit 1
}
# Rendering without a screen: Mesa's EGL on llvmpipe. ensurepip: Debian splits it off Python.
need=()
python3 -c 'import ensurepip, venv' 2>/dev/null || need+=(python3-venv)
ldconfig -p | grep -q 'libEGL\.so\.1' || need+=(libegl1)
ldconfig -p | grep -q 'libEGL_mesa\.so' || need+=(libegl-mesa0)
ls /usr/lib/*/dri/swrast_dri.so >/dev/null 2>&1 || need+=(libgl1-mesa-dri)
command -v cyclictest >/dev/null || need+=(rt-tests)  # the loop is measured beside it
[ -e /usr/include/modbus/modbus.h ] || need+=(libmodbus-dev)  # a peer of the Modbus driver
command -v gcc >/dev/null || need+=(gcc libc6-dev)
command -v node >/dev/null || need+=(nodejs)  # modbus-serial is another
command -v npm >/dev/null || need+=(npm)
ls /usr/lib/*/girepository-1.0/GstRtspServer-1.0.typelib >/dev/null 2>&1 ||
  need+=(gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-good python3-gi)  # an RTSP camera
# Firmware: compilers, the programmer, and what runs images without a board.
command -v avr-gcc >/dev/null || need+=(gcc-avr avr-libc binutils-avr)
command -v avrdude >/dev/null || need+=(avrdude)
command -v simavr >/dev/null || need+=(simavr)
[ -e /usr/include/simavr/sim_avr.h ] || need+=(libsimavr-dev libelf-dev)
[ -e /usr/share/arduino/hardware/arduino/avr/bootloaders/optiboot/optiboot.c ] || need+=(arduino-core-avr)
command -v arm-none-eabi-gcc >/dev/null || need+=(gcc-arm-none-eabi)
command -v qemu-system-arm >/dev/null || need+=(qemu-system-arm)
command -v clang >/dev/null || need+=(clang libclang-rt-14-dev)
if [ ${#need[@]} -gt 0 ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "setup: installing ${need[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${need[@]}" >/dev/null
  else
    echo "setup: these system packages are missing, please install them: ${need[*]}" >&2
    echo "       sudo apt-get install --no-install-recommends ${need[*]}" >&2
    exit 1
  fi
fi
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
mkdir -p "$venv/peers"
cp tests/wire/peers/package.json tests/wire/peers/package-lock.json "$venv/peers"
npm ci --prefix "$venv/peers" --ignore-scripts --no-audit --no-fund --silent &
peers=$!
trap 'kill $peers 2>/dev/null || true' EXIT
echo "setup: installing pinned Python packages into $venv (some 400 MB, a minute or two)"
rm -rf handrail.egg-info  # an old one would hide new entry points
# What Python comes with takes twice as long to resolve; what is imported is compiled then.
pip=("$venv/bin/python" -m pip install -qq --disable-pip-version-check --no-compile -c constraints.txt)
"${pip[@]}" pip
"${pip[@]}" -e '.[dev]'
# Its ONNX files alone, which its wheel holds: a model that none of us made (27 MB).
"${pip[@]}" --no-deps rapidocr
wait $peers
trap - EXIT
echo "setup: ready"
