/** Parts of the page. */

/** An element with properties and children. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

/** A small button, and its name for screen readers. */
export const button = (name, label, onClick) => {
  const element = make("button", { type: "button", className: "quiet small", textContent: name, "aria-label": label });
  element.addEventListener("click", onClick);
  return element;
};
