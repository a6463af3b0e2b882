/** Keeps the end of the conversation in view while it grows, unless the reader has scrolled up. */

/** Pixels from the end that still count as the end. */
const NEAR = 48;

export function followTheEnd(scroller, content) {
  let following = true;
  let before = 0;
  const toTheEnd = () => scroller.scrollTo({ top: scroller.scrollHeight });
  scroller.addEventListener("scroll", () => {
    const { scrollTop, scrollHeight, clientHeight } = scroller;
    // It may have grown since the event's cause: only a way up is the reader's own.
    if (scrollHeight - scrollTop - clientHeight < NEAR) following = true;
    else if (scrollTop < before) following = false;
    before = scrollTop;
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
