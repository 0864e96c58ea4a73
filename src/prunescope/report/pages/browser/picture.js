// How is a unit's mask drawn on an image, beside the concept's true mask?

const PER_SHEET = 25, PER_ROW = 5;

/** Reads the cells before and after each pixel of an axis, and the weight of the latter. */
function cellsRead(cells, pixels, halfPixel) {
  const whole = 2 * pixels, last = cells - 1;
  return Array.from({ length: pixels }, (_, pixel) => {
    const position = (2 * pixel + (halfPixel ? 1 : 0)) * cells - pixels;
    const before = Math.floor(position / whole);
    const clip = cell => Math.min(Math.max(cell, 0), last);
    return [clip(before), clip(before + 1), (position - before * whole) / whole];
  });
}

/**
 * Marks the pixels at which a map, upsampled bilinearly, is above 0: half-pixel centres, clamped at
 * the edges (docs/method.md). values: rows * columns of them, row by row.
 */
function maskOf(values, rows, columns, height, width, halfPixel = true) {
  const down = cellsRead(rows, height, halfPixel), across = cellsRead(columns, width, halfPixel);
  const wide = new Float64Array(rows * width);
  for (let row = 0; row < rows; row++) {
    across.forEach(([left, right, weight], x) => {
      const at = row * columns;
      wide[row * width + x] = values[at + left] * (1 - weight) + values[at + right] * weight;
    });
  }
  const mask = new Uint8Array(height * width);
  down.forEach(([top, bottom, weight], y) => {
    for (let x = 0; x < width; x++) {
      const value = wide[top * width + x] * (1 - weight) + wide[bottom * width + x] * weight;
      mask[y * width + x] = value > 0 ? 1 : 0;
    }
  });
  return mask;
}

/** Reads a map that was written as bytes: its excess over the unit's threshold, signs kept. */
function mapOf(text) {
  return Int8Array.from(atob(text), letter => letter.charCodeAt(0) << 24 >> 24);
}

/** Reads runs of pixels without and with a label, in turn, as values above and below 0. */
function regionOf([height, width, runs]) {
  const values = new Float32Array(height * width).fill(-1);
  let at = 0;
  runs.forEach((run, index) => {
    if (index % 2) values.fill(1, at, at + run);
    at += run;
  });
  return { values, height, width };
}

const RING = [[-2, 0], [2, 0], [0, -2], [0, 2], [-1, -1], [1, -1], [-1, 1], [1, 1]];

/** Returns whether a pixel of a mask is at its edge, the picture's border left out. */
function isEdge(mask, width, height, x, y) {
  return RING.some(([dx, dy]) => {
    const [column, row] = [x + dx, y + dy];
    const inside = column >= 0 && row >= 0 && column < width && row < height;
    return inside && !mask[row * width + column];
  });
}

/** Lays a mask over a canvas: dark outside it, or only its outline, in a colour. */
function overlay(canvas, mask, [red, green, blue], dims) {
  const { width, height } = canvas;
  const layer = new ImageData(width, height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      if (mask[at] && isEdge(mask, width, height, x, y)) {
        layer.data.set([red, green, blue, 255], 4 * at);
      } else if (!mask[at] && dims) {
        layer.data.set([18, 20, 24, 150], 4 * at);
      }
    }
  }
  const sheet = make("canvas", { width, height });
  sheet.getContext("2d").putImageData(layer, 0, 0);
  canvas.getContext("2d").drawImage(sheet, 0, 0);
}

const UNIT_COLOUR = [255, 214, 64], CONCEPT_COLOUR = [64, 200, 255];
const drawn = { unit: true, concept: true };
const SCALE = 2;

/** Draws an image of a unit: `image` its number, `map` its map, `concept` the code of a concept. */
async function drawExample(canvas, example) {
  const images = await load("images");
  const sheet = Math.floor(example.image / PER_SHEET), cell = example.image % PER_SHEET;
  const [width, height] = [images.width[example.image], images.height[example.image]];
  canvas.width = SCALE * width;
  canvas.height = SCALE * height;
  const context = canvas.getContext("2d");
  context.fillStyle = "#777";
  context.fillRect(0, 0, canvas.width, canvas.height);
  if (!images.missing[example.image]) {
    const picture = await loadPicture(`assets/sheet-${sheet}.jpg`);
    const [x, y] = [(cell % PER_ROW) * images.side, Math.floor(cell / PER_ROW) * images.side];
    context.drawImage(picture, x, y, width, height, 0, 0, canvas.width, canvas.height);
  }
  if (drawn.unit && example.map) {
    const [rows, columns] = example.shape;
    const values = mapOf(example.map);
    const mask = maskOf(values, rows, columns, canvas.height, canvas.width, example.halfPixel);
    overlay(canvas, mask, UNIT_COLOUR, true);
  }
  if (drawn.concept && images.regions) {
    const regions = await load(`regions-${sheet}`);
    const runs = regions[`${example.image}/${example.concept}`];
    if (runs) {
      const region = regionOf(runs);
      const mask = maskOf(region.values, region.height, region.width, canvas.height, canvas.width);
      overlay(canvas, mask, CONCEPT_COLOUR, false);
    }
  }
}
