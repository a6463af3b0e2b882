/** Keeps the end of the conversation in view while it grows, unless the reader has scrolled up. */

/** Pixels from the end that still count as the end. */
const NEAR = 48;

export function followTheEnd(scroller, content) {
  let following = true;
  const toTheEnd = () => scroller.scrollTo({ top: scroller.scrollHeight });
  scroller.addEventListener("scroll", () => {
    following = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR;
  });
  // Pieces of text, previews and pictures that load: all of them make it taller.
  new ResizeObserver(() => following && toTheEnd()).observe(content);
  return {
    now() {
      following = true;
      toTheEnd();
    },
  };
}
