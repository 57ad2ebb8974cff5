"""Camera backends: V4L2 and RTSP by OpenCV, HTTP streams and snapshots, CSI, GStreamer, recordings."""
