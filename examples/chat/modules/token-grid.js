/** The ids of an image, laid over it: pointing at one, or moving there by keyboard, shows where else it is. */
import { tokensOf } from "./api.js";

const dialog = document.querySelector("#tokens");
const image = document.querySelector("#grid-image");
const grid = document.querySelector("#grid");
const status = document.querySelector("#grid-status");
grid.setAttribute("role", "grid");
const MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

/** The image's centred square as PNG: of it, tokens cover the whole, however the tokenizer fits an image to its input. */
async function centredSquare(url) {
  const picture = new Image();
  picture.src = url;
  await picture.decode();
  const { naturalWidth: width, naturalHeight: height } = picture;
  const side = Math.min(width, height);
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  canvas.getContext("2d").drawImage(picture, (width - side) / 2, (height - side) / 2, side, side, 0, 0, side, side);
  return canvas.toDataURL("image/png");
}

export async function showTokens(url, tokenizer) {
  grid.replaceChildren();
  image.removeAttribute("src");
  status.textContent = "Asking for the tokens…";
  dialog.showModal();
  try {
    const square = await centredSquare(url);
    image.src = square;
    fill(await tokensOf(square, tokenizer));
  } catch (error) {
    status.textContent = error.message;
  }
}

function fill({ ids, grid: { rows, columns }, codebookSize }) {
  const counts = new Map();
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  const overview = `${rows} × ${columns} tokens, ${counts.size} different ids of ${codebookSize}.`;
  const cells = ids.map((id, i) => {
    const cell = document.createElement("td");
    cell.setAttribute("role", "gridcell");
    cell.setAttribute("aria-label", `Row ${Math.floor(i / columns) + 1}, column ${(i % columns) + 1}: id ${id}`);
    cell.tabIndex = i === 0 ? 0 : -1;
    cell.dataset.id = id;
    return cell;
  });
  const point = (here) => {
    grid.classList.toggle("pointed", here !== null);
    for (const [i, cell] of cells.entries()) {
      cell.classList.toggle("same", here !== null && ids[i] === ids[here]);
      cell.classList.toggle("here", i === here);
    }
    if (here === null) {
      status.textContent = overview;
      return;
    }
    const others = counts.get(ids[here]) - 1;
    const where = others === 0 ? "nowhere else" : others === 1 ? "in 1 other place" : `in ${others} other places`;
    status.textContent = `Id ${ids[here]}, row ${Math.floor(here / columns) + 1}, column ${(here % columns) + 1}: ${where}.`;
  };
  const focusedOrNone = () => {
    const index = cells.indexOf(document.activeElement);
    point(index < 0 ? null : index);
  };
  for (const [i, cell] of cells.entries()) {
    cell.addEventListener("pointerenter", () => point(i));
    cell.addEventListener("focus", () => point(i));
    cell.addEventListener("keydown", (event) => {
      const move = MOVES[event.key];
      if (move === undefined) return;
      event.preventDefault();
      const row = Math.min(rows - 1, Math.max(0, Math.floor(i / columns) + move[0]));
      const column = Math.min(columns - 1, Math.max(0, (i % columns) + move[1]));
      const next = cells[row * columns + column];
      cell.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    });
  }
  grid.onpointerleave = focusedOrNone;
  grid.style.gridTemplate = `repeat(${rows}, 1fr) / repeat(${columns}, 1fr)`;
  grid.replaceChildren(
    ...Array.from({ length: rows }, (_, row) => {
      const line = document.createElement("tr");
      line.setAttribute("role", "row");
      line.append(...cells.slice(row * columns, (row + 1) * columns));
      return line;
    }),
  );
  point(null);
}
