/* A webcam behind /dev/null, for a process that preloads this: answers the V4L2 ioctls of OpenCV and of the node with
 * the structures of the kernel's own header. Its automatics move exposure and white balance while frames come; with
 * WEBCAM_FORGETS it forgets its exposure when it begins to stream. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

enum { WIDTH = 320, HEIGHT = 240, BYTES = 2 * WIDTH * HEIGHT, BUFFERS = 8, SPACING = 4096 * 1024 };

struct control {
    __u32 id, type;
    const char *name;
    __s32 low, high, step, preset, value;
    __u32 master; /* its automatic */
};

static struct control controls[] = {
    {V4L2_CID_AUTO_WHITE_BALANCE, V4L2_CTRL_TYPE_BOOLEAN, "White Balance, Automatic", 0, 1, 1, 1, 1, 0},
    {V4L2_CID_GAIN, V4L2_CTRL_TYPE_INTEGER, "Gain", 0, 255, 1, 0, 64, 0},
    {V4L2_CID_WHITE_BALANCE_TEMPERATURE, V4L2_CTRL_TYPE_INTEGER, "White Balance Temperature", 2000, 7500, 10, 4000,
     4000, V4L2_CID_AUTO_WHITE_BALANCE},
    {V4L2_CID_EXPOSURE_AUTO, V4L2_CTRL_TYPE_MENU, "Auto Exposure", 0, 3, 1, 3, 3, 0},
    {V4L2_CID_EXPOSURE_ABSOLUTE, V4L2_CTRL_TYPE_INTEGER, "Exposure Time, Absolute", 3, 2047, 1, 250, 250,
     V4L2_CID_EXPOSURE_AUTO},
};
enum { COUNT = sizeof controls / sizeof *controls };

static unsigned char *memory[BUFFERS];
static int queue[BUFFERS], queued, taken;
static __u32 frames;

static int fail(int code) {
    errno = code;
    return -1;
}

static struct control *find(__u32 id) {
    for (int at = 0; at < COUNT; at++)
        if (controls[at].id == id) return &controls[at];
    return NULL;
}

static int is_automatic(const struct control *one) {
    const struct control *master = one->master ? find(one->master) : NULL;
    if (!master) return 0;
    return master->id == V4L2_CID_EXPOSURE_AUTO ? master->value == V4L2_EXPOSURE_APERTURE_PRIORITY : master->value;
}

static void expose(unsigned char *pixels) {
    struct control *exposure = find(V4L2_CID_EXPOSURE_ABSOLUTE), *balance = find(V4L2_CID_WHITE_BALANCE_TEMPERATURE);
    if (is_automatic(exposure) && exposure->value < 300) exposure->value += 5;
    if (is_automatic(balance) && balance->value < 5200) balance->value += 100;
    int grey = exposure->value / 3 > 200 ? 200 : exposure->value / 3;
    for (int at = 0; at < BYTES; at += 2) {
        pixels[at] = grey + (at / 2 + frames) % 20;
        pixels[at + 1] = 128;
    }
}

static int take(struct v4l2_buffer *buffer) {
    struct timespec now;
    if (queued == taken) return fail(EAGAIN);
    usleep(33000);
    buffer->index = queue[taken++ % BUFFERS];
    expose(memory[buffer->index]);
    clock_gettime(CLOCK_MONOTONIC, &now);
    buffer->timestamp.tv_sec = now.tv_sec;
    buffer->timestamp.tv_usec = now.tv_nsec / 1000;
    buffer->sequence = frames++;
    buffer->bytesused = buffer->length = BYTES;
    buffer->flags = V4L2_BUF_FLAG_MAPPED | V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
    return 0;
}

static int query(struct v4l2_queryctrl *query) {
    struct control *one = NULL;
    if (query->id & V4L2_CTRL_FLAG_NEXT_CTRL) {
        for (int at = 0; at < COUNT && !one; at++)
            if (controls[at].id > (query->id & ~V4L2_CTRL_FLAG_NEXT_CTRL)) one = &controls[at];
    } else {
        one = find(query->id);
    }
    if (!one) return fail(EINVAL);
    *query = (struct v4l2_queryctrl){.id = one->id, .type = one->type, .minimum = one->low, .maximum = one->high};
    query->step = one->step;
    query->default_value = one->preset;
    query->flags = is_automatic(one) ? V4L2_CTRL_FLAG_INACTIVE : 0;
    strcpy((char *)query->name, one->name);
    return 0;
}

static int menu(struct v4l2_querymenu *menu) {
    if (menu->id != V4L2_CID_EXPOSURE_AUTO || (menu->index != 1 && menu->index != 3)) return fail(EINVAL);
    strcpy((char *)menu->name, menu->index == 1 ? "Manual Mode" : "Aperture Priority Mode");
    return 0;
}

static int access_control(struct v4l2_control *wanted, int writes) {
    struct control *one = find(wanted->id);
    if (!one) return fail(EINVAL);
    if (!writes) {
        wanted->value = one->value;
        return 0;
    }
    if (wanted->value < one->low || wanted->value > one->high) return fail(ERANGE);
    if (is_automatic(one)) return fail(EACCES);
    one->value = wanted->value;
    return 0;
}

static int stream(void) {
    if (getenv("WEBCAM_FORGETS")) find(V4L2_CID_EXPOSURE_ABSOLUTE)->value = 250;
    return 0;
}

static int describe(unsigned long request, void *argument) {
    struct v4l2_capability *device = argument;
    struct v4l2_pix_format *pix = &((struct v4l2_format *)argument)->fmt.pix;
    struct v4l2_captureparm *rate = &((struct v4l2_streamparm *)argument)->parm.capture;
    switch (request) {
    case VIDIOC_QUERYCAP:
        memset(device, 0, sizeof *device);
        strcpy((char *)device->driver, "uvcvideo");
        device->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
        device->capabilities = device->device_caps | V4L2_CAP_DEVICE_CAPS;
        return 0;
    case VIDIOC_G_FMT:
    case VIDIOC_S_FMT:
    case VIDIOC_TRY_FMT:
        *pix = (struct v4l2_pix_format){.width = WIDTH, .height = HEIGHT, .pixelformat = V4L2_PIX_FMT_YUYV};
        pix->field = V4L2_FIELD_NONE;
        pix->bytesperline = 2 * WIDTH;
        pix->sizeimage = BYTES;
        return 0;
    case VIDIOC_G_PARM:
    case VIDIOC_S_PARM:
        rate->capability = V4L2_CAP_TIMEPERFRAME;
        rate->timeperframe = (struct v4l2_fract){1, 30};
        return 0;
    }
    return fail(ENOTTY);
}

static int answer(unsigned long request, void *argument) {
    struct v4l2_buffer *buffer = argument;
    struct v4l2_requestbuffers *wanted = argument;
    switch (request) {
    case VIDIOC_G_INPUT:
        *(int *)argument = 0;
        return 0;
    case VIDIOC_S_INPUT:
        return 0;
    case VIDIOC_ENUMINPUT:
        return ((struct v4l2_input *)argument)->index ? fail(EINVAL) : 0;
    case VIDIOC_REQBUFS:
        if (wanted->count > BUFFERS) wanted->count = BUFFERS;
        queued = taken = 0;
        return 0;
    case VIDIOC_QUERYBUF:
        buffer->m.offset = buffer->index * SPACING;
        buffer->length = BYTES;
        return 0;
    case VIDIOC_QBUF:
        queue[queued++ % BUFFERS] = buffer->index;
        return 0;
    case VIDIOC_DQBUF:
        return take(buffer);
    case VIDIOC_STREAMON:
        return stream();
    case VIDIOC_STREAMOFF:
        return 0;
    case VIDIOC_QUERYCTRL:
        return query(argument);
    case VIDIOC_QUERYMENU:
        return menu(argument);
    case VIDIOC_G_CTRL:
    case VIDIOC_S_CTRL:
        return access_control(argument, request == VIDIOC_S_CTRL);
    }
    return describe(request, argument);
}

static int is_webcam(int descriptor) {
    struct stat found;
    return fstat(descriptor, &found) == 0 && S_ISCHR(found.st_mode) && found.st_rdev == makedev(1, 3);
}

int ioctl(int descriptor, unsigned long request, ...) {
    va_list arguments;
    va_start(arguments, request);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    if (((request >> 8) & 0xff) == 'V' && is_webcam(descriptor)) return answer(request & 0xffffffff, argument);
    return ((int (*)(int, unsigned long, void *))dlsym(RTLD_NEXT, "ioctl"))(descriptor, request, argument);
}

typedef void *mapper(void *, size_t, int, int, int, off_t);

static void *map(const char *name, void *at, size_t length, int protection, int flags, int descriptor, off_t offset) {
    mapper *original = (mapper *)dlsym(RTLD_NEXT, name);
    if (descriptor < 0 || !is_webcam(descriptor)) return original(at, length, protection, flags, descriptor, offset);
    return memory[offset / SPACING] =
               original(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

void *mmap(void *at, size_t length, int protection, int flags, int descriptor, off_t offset) {
    return map("mmap", at, length, protection, flags, descriptor, offset);
}

void *mmap64(void *at, size_t length, int protection, int flags, int descriptor, off_t offset) {
    return map("mmap64", at, length, protection, flags, descriptor, offset);
}
