"""Camera backends, one module each: V4L2 and RTSP by OpenCV, CSI, GStreamer, MJPEG, recordings."""
