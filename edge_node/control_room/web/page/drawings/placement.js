// From metres to pixels of a drawing, as the server does it: for robots that move, and while a person places it.

/** The pixel [x, y] of a place, or null where the placement does not tell it. */
export function locate(placement, { distance_m: distance, x_m: x, y_m: y }) {
  if (!placement) return null;
  if (placement.kind === "path") return typeof distance === "number" ? alongPath(placement.points, distance) : null;
  if (typeof x !== "number" || typeof y !== "number") return null;
  const up = placement.y_up ? -1 : 1;
  if (placement.kind === "scale") return [placement.origin_x_px + x / placement.metres_per_px, placement.origin_y_px + (up * y) / placement.metres_per_px];
  const [one, other] = placement.points;
  const metres = [other.x_m - one.x_m, up * (other.y_m - one.y_m)];
  const pixels = [other.x_px - one.x_px, other.y_px - one.y_px];
  const size = metres[0] ** 2 + metres[1] ** 2; // complex numbers are points of the plane
  const turn = [(pixels[0] * metres[0] + pixels[1] * metres[1]) / size, (pixels[1] * metres[0] - pixels[0] * metres[1]) / size];
  const from = [x - one.x_m, up * (y - one.y_m)];
  return [one.x_px + from[0] * turn[0] - from[1] * turn[1], one.y_px + from[0] * turn[1] + from[1] * turn[0]];
}

function alongPath(points, distance) {
  for (let at = 1; at < points.length; at += 1) {
    const [one, other] = points[at - 1].distance_m < points[at].distance_m ? [points[at - 1], points[at]] : [points[at], points[at - 1]];
    if (distance >= one.distance_m - 1e-6 && distance <= other.distance_m + 1e-6) {
      const share = (distance - one.distance_m) / (other.distance_m - one.distance_m);
      return [one.x_px + share * (other.x_px - one.x_px), one.y_px + share * (other.y_px - one.y_px)];
    }
  }
  return null;
}
