date = { $month ->
    [1] January
    [2] February
    [3] March
    [4] April
    [5] May
    [6] June
    [7] July
    [8] August
    [9] September
    [10] October
    [11] November
   *[12] December
} { $day }, { $year }

coupon-expiring =
    .title = Your coupon expires soon
    .body = Your coupon { $coupon } can be used until { $date }.

coupon-expiring-worth =
    .title = Your coupon expires soon
    .body = Your coupon { $coupon } worth { $amount } can be used until { $date }.

coupon-expiring-of =
    .title = Your coupon expires soon
    .body = Your coupon from “{ $funding }” can be used until { $date }.

coupon-expiring-of-worth =
    .title = Your coupon expires soon
    .body = Your coupon worth { $amount } from “{ $funding }” can be used until { $date }.

coupon-issued =
    .title = You have a new coupon
    .body = A coupon from “{ $funding }” is yours until { $date }.

coupon-issued-worth =
    .title = You have a new coupon
    .body = A coupon worth { $amount } from “{ $funding }” is yours until { $date }.

funding-closing =
    .title = Closing soon: { $funding }
    .body = “{ $funding }” closes on { $date } at { $time }.

funding-succeeded-maker =
    .title = Funded: { $funding }
    .body = Your “{ $funding }” reached its goal: { $raised } of { $goal }.

funding-succeeded-backer =
    .title = Funded: { $funding }
    .body = “{ $funding }”, which you backed, reached its goal: { $raised } of { $goal }.

funding-succeeded-follower =
    .title = Funded: { $funding }
    .body = “{ $funding }”, which you follow, reached its goal: { $raised } of { $goal }.

funding-failed-maker =
    .title = Not funded: { $funding }
    .body = Your “{ $funding }” ended at { $raised } of { $goal }.

funding-failed-backer =
    .title = Not funded: { $funding }
    .body = “{ $funding }”, which you backed, ended at { $raised } of { $goal }.

funding-failed-follower =
    .title = Not funded: { $funding }
    .body = “{ $funding }”, which you follow, ended at { $raised } of { $goal }.

alert-due =
    .title = { $alert }
    .body = It is { $time }: you asked to be reminded of “{ $alert }”.
