/** What the pages of jobs say of prices, crowds and precision. */
export const texts = {
  /** How far a share may be off to each side: `± 1.5 points`. */
  points: (value: string) => `± ${value} points`,
  unknowable: "± 50 points or more",
  endsAt: "Ends when shares are within",
  manifest: "All that it may learn: its public manifest",
  clipped: (value: string, low: string, high: string) =>
    `About ${value} results (${low} to ${high}) are as large as this job lets one owner's be: these owners may have more than was counted, so that what they have counts for less here.`,
  raise: {
    label: "Raise",
    text: "It only goes up. A higher reward is that of every result: who was paid before gets the difference.",
    more: "It costs more",
    left: "Left afterwards",
    same: "Nothing costs more yet.",
    waiting: "What it costs more follows what you enter.",
  },
  quote: {
    title: "Price",
    cost: "In all",
    each: "For each result",
    reward: "owner",
    fee: "developer",
    platform: "marketplace",
    withinText: (within: string) => `A label's count is at most ${within} off, in 95 of 100 cases.`,
    stepText: (least: string) => `The answer grows in steps of at least ${least} owners.`,
    left: "Left afterwards",
    waiting: "The price follows what you enter.",
    refund: "It is held in escrow. What is not spent comes back.",
    crowd: "Who could take part",
    uncounted: "Not known: owners are counted once a day, and were not yet.",
    fewer: (below: string) => `Fewer than ${below} owners, as seen in the last 30 days.`,
    between: (least: string, below: string) => `About ${least} to ${below} owners, as seen in the last 30 days.`,
    more: (least: string) => `About ${least} owners or more, as seen in the last 30 days.`,
    tooFew: (least: string) =>
      `Too few for these countries: there must be about ${least} owners. This order would be refused. Name more countries, or none.`,
    arrival: "When results should be in",
    half: "Half of them",
    most: "Nine tenths",
    by: (when: string) => `by ${when}`,
    precision: "How precise shares should be",
    precisionText: (items: string) =>
      `How far a label's share may be off to each side for the noise, in 95 of 100 cases, if each owner adds ${items} items.`,
    asOrdered: "As ordered",
    twiceDevices: "With twice the devices",
    twiceEpsilon: "With twice the epsilon",
    notAllowed: "No job may have so much",
  },
};
