/** What is said where somebody proves that an account is theirs. */
export const texts = {
  legend: "Show that it is you",
  by: "By",
  password: "Password",
  code: "Code",
  hint: "A code is of your authenticator app, or a recovery code. By a wallet or a passkey, do this at the command line.",
};
