date = { $year }년 { $month }월 { $day }일

coupon-expiring =
    .title = 쿠폰이 곧 만료됩니다
    .body = 쿠폰 { $coupon }은(는) { $date }까지 사용할 수 있습니다.

coupon-expiring-worth =
    .title = 쿠폰이 곧 만료됩니다
    .body = { $amount } 쿠폰 { $coupon }은(는) { $date }까지 사용할 수 있습니다.

coupon-expiring-of =
    .title = 쿠폰이 곧 만료됩니다
    .body = ‘{ $funding }’ 쿠폰은 { $date }까지 사용할 수 있습니다.

coupon-expiring-of-worth =
    .title = 쿠폰이 곧 만료됩니다
    .body = ‘{ $funding }’ { $amount } 쿠폰은 { $date }까지 사용할 수 있습니다.

coupon-issued =
    .title = 새 쿠폰이 발급되었습니다
    .body = ‘{ $funding }’ 쿠폰을 { $date }까지 사용할 수 있습니다.

coupon-issued-worth =
    .title = 새 쿠폰이 발급되었습니다
    .body = ‘{ $funding }’ { $amount } 쿠폰을 { $date }까지 사용할 수 있습니다.

funding-closing =
    .title = 마감 임박: { $funding }
    .body = ‘{ $funding }’ 펀딩이 { $date } { $time }에 마감됩니다.

funding-succeeded-maker =
    .title = 펀딩 성공: { $funding }
    .body = 회원님의 펀딩 ‘{ $funding }’이(가) 목표를 달성했습니다: { $goal } 중 { $raised }.

funding-succeeded-backer =
    .title = 펀딩 성공: { $funding }
    .body = 후원하신 펀딩 ‘{ $funding }’이(가) 목표를 달성했습니다: { $goal } 중 { $raised }.

funding-succeeded-follower =
    .title = 펀딩 성공: { $funding }
    .body = 관심 펀딩 ‘{ $funding }’이(가) 목표를 달성했습니다: { $goal } 중 { $raised }.

funding-failed-maker =
    .title = 펀딩 무산: { $funding }
    .body = 회원님의 펀딩 ‘{ $funding }’이(가) { $goal } 중 { $raised }(으)로 마감되었습니다.

funding-failed-backer =
    .title = 펀딩 무산: { $funding }
    .body = 후원하신 펀딩 ‘{ $funding }’이(가) { $goal } 중 { $raised }(으)로 마감되었습니다.

funding-failed-follower =
    .title = 펀딩 무산: { $funding }
    .body = 관심 펀딩 ‘{ $funding }’이(가) { $goal } 중 { $raised }(으)로 마감되었습니다.

alert-due =
    .title = { $alert }
    .body = { $time }입니다. ‘{ $alert }’ 알림을 요청하셨습니다.
