/** How long a thread's event loop was kept from a timer, in ms. */
export interface LoopGaps {
  /** The longest time between two ticks of a timer of 1 ms. */
  readonly longest: number;
  /** Processor time of this thread within that time. The rest it waited: for a core, where others kept all of them busy. */
  readonly ownWithin: number;
  /** The most processor time of this thread between two ticks: what no free core would shorten. */
  readonly own: number;
}

const threadMs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

/** Watches the event loop of the thread that makes it. */
export class LoopWatch {
  #gaps: LoopGaps = { longest: 0, ownWithin: 0, own: 0 };
  #last = performance.now();
  #lastOwn = threadMs();
  readonly #timer = setInterval(() => this.#tick(), 1);

  #tick(): void {
    const [now, ownNow] = [performance.now(), threadMs()];
    const [gap, own] = [now - this.#last, ownNow - this.#lastOwn];
    const { longest, ownWithin, own: most } = this.#gaps;
    this.#gaps = {
      longest: Math.max(longest, gap),
      ownWithin: gap > longest ? own : ownWithin,
      own: Math.max(most, own),
    };
    [this.#last, this.#lastOwn] = [now, ownNow];
  }

  get gaps(): LoopGaps {
    return this.#gaps;
  }

  /** Starts anew, from the next tick on: what goes on until then is not of the work that is watched. */
  reset(): void {
    setTimeout(() => {
      [this.#last, this.#lastOwn] = [performance.now(), threadMs()];
      this.#gaps = { longest: 0, ownWithin: 0, own: 0 };
    }, 5);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
