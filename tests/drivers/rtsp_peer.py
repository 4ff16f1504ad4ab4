"""GStreamer's RTSP server: ``/usr/bin/python3 rtsp_peer.py PORT SECONDS``. Pictures that move.

Prints "ready" once it listens; ends by itself after so many seconds, or with its standard input.
It runs in Debian's own Python, which GStreamer's bindings belong to.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402  only then it has a version

PICTURES = (
    "( videotestsrc is-live=true pattern=ball "
    "! video/x-raw,format=I420,width=160,height=120,framerate=25/1 "
    "! jpegenc ! rtpjpegpay name=pay0 )"
)


def main(port: str, seconds: str) -> None:
    """Serve."""
    Gst.init(None)
    loop = GLib.MainLoop()
    server = GstRtspServer.RTSPServer(address="127.0.0.1", service=port)
    factory = GstRtspServer.RTSPMediaFactory(launch=PICTURES, shared=True)
    server.get_mount_points().add_factory("/desk", factory)
    if not server.attach(None):
        sys.exit("the port is taken")
    GLib.io_add_watch(sys.stdin, GLib.IO_HUP, lambda *_: loop.quit())
    GLib.timeout_add_seconds(int(seconds), loop.quit)
    print("ready", flush=True)
    loop.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
