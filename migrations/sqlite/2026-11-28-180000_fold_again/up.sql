-- Emails and search texts are folded by the domain, which does so in another way from now on. SQL cannot: the program folds
-- those that are not ASCII again, in the transaction of this migration (store/refold.rs).
--
-- Two accounts may turn out to have one address (x@münchen.example and x@xn--mnchen-3ya.example). The verified one keeps it,
-- else the older one, and a warning names both. The other keeps its data and its logins, but can no longer log in with the
-- address, nor change anything before it has another address. To find them: SELECT id, email FROM users WHERE
-- instr(substr(email_folded, instr(email_folded, '@')), '#') > 0;
SELECT 1;
