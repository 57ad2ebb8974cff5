"""The demonstration's cameras, read by the node's own camera."""

import threading
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import chain, repeat

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


def test_a_picture_is_taken_once_its_viewer_asks_for_the_next():
    """Until then the crawler stays where it is; nobody gets a picture of where it was before."""
    slot = CameraSlot()
    slot.put(b"before")
    assert slot.take() == b""
    with ThreadPoolExecutor(1) as viewer:
        for content in (b"first", b"second"):
            asked = viewer.submit(slot.take)
            while not asked.done():
                slot.put(content)
                wait((asked,), 0.02)
            assert asked.result() == content
            assert not slot.taken.is_set()
        viewer.submit(slot.take)
        assert slot.taken.wait(5)


def _feed(slot):
    """Put ever brighter grey pictures while somebody watches, the brightest until nobody does."""
    slot.viewed.wait(5)
    for level in chain(range(0, 240, 20), repeat(220)):
        if not slot.viewed.wait(0.0):
            return
        slot.put(cv2.imencode(".jpg", np.full((48, 64, 3), level, np.uint8))[1].tobytes())
        threading.Event().wait(0.05)
