/** All pages. To add one: a file in `pages/`, its texts in `texts.ts`, and a line here. */
import type { Route } from "./router.svelte";
import { texts } from "./texts";

export const routes: readonly Route[] = [
  { path: "/", load: () => import("./pages/Home.svelte"), nav: texts.home.nav },
  { path: "/jobs", load: () => import("./pages/Jobs.svelte"), nav: texts.jobs.nav },
  { path: "/jobs/:id", load: () => import("./pages/Job.svelte") },
  { path: "/order", load: () => import("./pages/Choose.svelte"), nav: texts.choose.nav },
  { path: "/order/:slug", load: () => import("./pages/Order.svelte") },
  { path: "/devices", load: () => import("./pages/Devices.svelte"), nav: texts.pages.devices },
  { path: "/devices/add", load: () => import("./pages/AddDevice.svelte") },
  { path: "/devices/use", load: () => import("./pages/DeviceUse.svelte") },
  { path: "/devices/:id", load: () => import("./pages/Device.svelte") },
  { path: "/money", load: () => import("./pages/Money.svelte"), nav: texts.pages.money },
  { path: "/money/deposit", load: () => import("./pages/Deposit.svelte") },
  { path: "/money/withdraw", load: () => import("./pages/Withdraw.svelte") },
  { path: "/money/wallets", load: () => import("./pages/Wallets.svelte") },
  { path: "/account", load: () => import("./pages/Account.svelte"), nav: texts.pages.account },
  { path: "/account/access", load: () => import("./pages/Access.svelte") },
  { path: "/account/tokens", load: () => import("./pages/Tokens.svelte") },
  { path: "/account/webhooks", load: () => import("./pages/Webhooks.svelte") },
  { path: "/account/webhooks/:id", load: () => import("./pages/Webhook.svelte") },
  { path: "/account/data", load: () => import("./pages/Data.svelte") },
  { path: "/models", load: () => import("./pages/Models.svelte"), nav: texts.pages.models },
  { path: "/models/:id", load: () => import("./pages/Model.svelte") },
  { path: "/review", load: () => import("./pages/Review.svelte"), nav: texts.pages.review, isForModerators: true },
  { path: "/review/:id", load: () => import("./pages/ReviewVersion.svelte") },
  { path: "/bounties", load: () => import("./pages/Bounties.svelte"), nav: texts.pages.bounties },
  { path: "/bounties/:id", load: () => import("./pages/Bounty.svelte") },
  { path: "/bounties/:id/board", load: () => import("./pages/BountyBoard.svelte") },
  { path: "/bounties/:id/submissions", load: () => import("./pages/BountySubmissions.svelte") },
];
