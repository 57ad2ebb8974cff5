"""Read data sets that other tools wrote: COCO, YOLO, Label Studio, folders of mask pictures."""
