"""The demonstration's cameras, read by the node's own camera."""

import threading

import cv2
import numpy as np

from edge_node.camera.capture.opening import open_camera
from edge_node.config.camera_section import CameraConfig
from edge_node.demo.frame_server import CameraSlot, serve_cameras


def test_a_robot_reads_the_pictures_that_are_put():
    """Each picture reaches the robot as it was put, the newest first; an unknown name is 404."""
    slot = CameraSlot()
    with serve_cameras({"crawler-1": slot}) as server:
        address = server.address("crawler-1")
        assert not slot.viewed.is_set()
        feeder = threading.Thread(target=_feed, args=(slot,), daemon=True)
        feeder.start()
        camera = open_camera(CameraConfig(source=address), stop=threading.Event())
        try:
            levels = [int(camera.read().pixels.mean()) for _ in range(2)]
        finally:
            camera.close()
            slot.viewed.clear()  # ends the feeder
            feeder.join()
    assert levels == sorted(levels)
    assert all(level % 20 == 0 for level in levels)


def _feed(slot):
    """Put ever brighter grey pictures while somebody watches."""
    slot.viewed.wait(5)
    for level in range(0, 240, 20):
        if not slot.viewed.wait(0.0):
            return
        slot.put(cv2.imencode(".jpg", np.full((48, 64, 3), level, np.uint8))[1].tobytes())
        threading.Event().wait(0.05)
