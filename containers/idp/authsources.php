<?php
// Two people of a trial site: their passwords are their names.
$config = [
    'people' => [
        'exampleauth:UserPass',
        'alice:alice' => ['uid' => ['alice'], 'mail' => ['alice@example.org'], 'memberOf' => ['staff', 'physics']],
        'bob:bob' => ['uid' => ['bob'], 'mail' => ['bob@example.org'], 'memberOf' => ['guests']],
    ],
];
