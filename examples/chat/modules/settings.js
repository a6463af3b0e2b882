/** How answers are sampled, and what every conversation begins with; kept on this device. */

const KEY = "vqrae-settings";
const dialog = document.querySelector("#settings");
const fields = {
  system: document.querySelector("#system"),
  temperature: document.querySelector("#temperature"),
  maxTokens: document.querySelector("#max-tokens"),
};

const number = ({ value, validity }) => (value !== "" && validity.valid ? Number(value) : undefined);

export const settings = {
  get system() {
    return fields.system.value.trim();
  },
  /** Fields of the request that were set. */
  get sampling() {
    const [temperature, maxTokens] = [number(fields.temperature), number(fields.maxTokens)];
    return {
      ...(temperature !== undefined && { temperature }),
      ...(maxTokens !== undefined && { max_tokens: maxTokens }),
    };
  },
};

function keep() {
  const values = Object.fromEntries(Object.entries(fields).map(([name, { value }]) => [name, value]));
  try {
    localStorage.setItem(KEY, JSON.stringify(values));
  } catch {
    // A browser that keeps nothing: they hold until the page is left.
  }
}

function restore() {
  try {
    const values = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    for (const [name, field] of Object.entries(fields)) field.value = values[name] ?? "";
  } catch {
    // as above
  }
}

restore();
dialog.addEventListener("close", keep);
document.querySelector("#open-settings").addEventListener("click", () => dialog.showModal());
document.querySelector("#reset-settings").addEventListener("click", () => {
  for (const field of Object.values(fields)) field.value = "";
});
