// Elements made of text. Names, tags and messages are written by strangers: nothing on this page is ever parsed as HTML.

export function el(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (typeof value === "function") made.addEventListener(key, value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.flat().filter((child) => child !== "" && child !== undefined));
  return made;
}

export const at = (id) => document.getElementById(id);

export function fill(node, ...children) {
  node.replaceChildren(...children.flat().filter((child) => child !== "" && child !== undefined));
}

// Parts that stand apart by layout are words apart as well, for whoever hears or copies them.
export const apart = (...parts) => parts.filter((part) => part !== "").flatMap((part) => [part, " "]);

export function button(words, act, attributes) {
  return el("button", { type: "button", class: "small", click: act, ...attributes }, words);
}

// What stands in backticks is code.
export function prose(text) {
  return text.split("`").map((part, index) => (index % 2 ? el("code", {}, part) : part));
}

export function copyable(text, what) {
  const copy = button("Copy", async () => {
    try {
      await navigator.clipboard.writeText(text);
      copy.textContent = "Copied";
    } catch {
      // Not every browser lets a page write there: the text is selected, for the keyboard.
      getSelection().selectAllChildren(code);
      copy.textContent = "Selected: press Ctrl+C";
    }
  }, { "aria-label": `Copy ${what}` });
  const code = el("code", {}, text);
  return el("span", {}, code, " ", copy);
}

// Why something could not be shown, and the way to try again.
export function failed(error, again) {
  const request = error.request ? ` (request ${error.request})` : "";
  return el("p", { class: "note bad", role: "alert" }, `${error.message}${request} `, button("Try again", again));
}

export function counted(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}
